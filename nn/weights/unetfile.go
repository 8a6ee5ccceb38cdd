package weights

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"onestep/nn"
	"onestep/tensor"
)

// augmentMap is EDM's map of augmentation labels. Without such labels it does nothing, and the reference's networks do not have it: it is dropped.
const augmentMap = "map_augment.weight"

// LoadUNet builds the network that a weight file describes, in its metadata or else by the names and shapes of its tensors, and fills it. role is
// what the file says it is, RoleTeacher for one of EDM's pickled networks, or "" if it does not say.
func LoadUNet(d *tensor.Device, f *tensor.SafeTensors) (net *nn.UNet, role string, err error) {
	c, role, err := UNetConfigOf(f)
	if err != nil {
		return nil, "", err
	}
	if net, err = nn.NewUNet(d, c); err != nil {
		return nil, "", fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := Load(f, net.Params); err != nil {
		net.Release()
		return nil, "", err
	}
	return net, role, nil
}

// TrainableUNet is LoadUNet for training on with so many augmentation labels. Their map is the file's or, if it has none, that of a new network, for
// which r is; a file's map that is not wanted is dropped, as by LoadUNet. So does EDM's transfer learning.
func TrainableUNet(d *tensor.Device, f *tensor.SafeTensors, augment int, r tensor.Random) (*nn.UNet, error) {
	c, role, err := StoredConfig(f)
	if err != nil {
		return nil, err
	}
	if role != RoleTeacher && role != "" {
		return nil, fmt.Errorf("%s: its role is %q, want %q", f.Path, role, RoleTeacher)
	}
	found := c.AugmentDim
	c.AugmentDim = augment
	net, err := nn.NewUNet(d, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	net.Init(r)
	params := *net.Params
	if found == 0 {
		params.List = slices.DeleteFunc(slices.Clone(params.List), func(p *nn.Param) bool { return p.Name == augmentMap })
	}
	if err := Load(f, &params); err != nil {
		net.Release()
		return nil, err
	}
	return net, nil
}

// UNetConfigOf is the configuration of the network in a file, as [LoadUNet] builds it: without augmentation labels.
func UNetConfigOf(f *tensor.SafeTensors) (c nn.UNetConfig, role string, err error) {
	c, role, err = StoredConfig(f)
	c.AugmentDim = 0
	return c, role, err
}

// StoredConfig is the configuration that a file says, with the augmentation labels that [UNetConfigOf] leaves out. That of a network which is many
// times as large as the file is refused, before anybody takes memory for it; what a smaller difference is about, the names and shapes of tensors say
// better.
func StoredConfig(f *tensor.SafeTensors) (c nn.UNetConfig, role string, err error) {
	if c, role, err = claimed(f); err != nil {
		return c, role, err
	}
	return c, role, credible(f, c.LeastParameters())
}

// credible refuses a network of at least so many parameters for a file that is many times smaller.
func credible(f *tensor.SafeTensors, least float64) error {
	numbers := 0
	for _, name := range f.Names() {
		e, _ := f.Entry(name)
		numbers += e.Len()
	}
	if least > 16*float64(numbers)+1e6 {
		return fmt.Errorf("%s: %s: a network of %.2g parameters or more in a file of %d numbers", f.Path, metaConfig, least, numbers)
	}
	return nil
}

// claimed is the configuration that a file says, in its metadata or by the names and shapes of its tensors.
func claimed(f *tensor.SafeTensors) (c nn.UNetConfig, role string, err error) {
	text, ok := f.Metadata[metaConfig]
	if !ok {
		c, err = configByShapes(f)
		return c, f.Metadata[metaRole], err
	}
	var published edmConfig
	if err = json.Unmarshal([]byte(text), &published); err == nil && published.Class != "" {
		role = RoleTeacher
		err = published.check()
	} else if err == nil {
		role = f.Metadata[metaRole]
	}
	if err == nil {
		c, err = nn.ParseUNetConfig(text, published.defaults())
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", f.Path, metaConfig, err)
	}
	return c, role, err
}

// edmConfig is what the keywords of EDM's constructors say besides [nn.UNetConfig], with their class [karras22].
type edmConfig struct {
	Class     string   `json:"class"`
	ModelType string   `json:"model_type"`
	SigmaData *float64 `json:"sigma_data"`
	Decoder   string   `json:"decoder_type"`
	Emb       *int     `json:"channel_mult_emb"`
}

// check refuses what this program's networks and their preconditioning cannot do.
func (e edmConfig) check() error {
	switch {
	case e.Class != "EDMPrecond" && !isFamily(e.Class):
		return fmt.Errorf("preconditioned by %s: only EDMPrecond, and networks without any, are read", e.Class)
	case e.SigmaData != nil && *e.SigmaData != 0.5:
		return fmt.Errorf("sigma_data %g, want 0.5", *e.SigmaData)
	case e.Decoder != "" && e.Decoder != "standard":
		return fmt.Errorf("decoder_type %s, want standard", e.Decoder)
	case e.Emb != nil && *e.Emb != 4:
		return fmt.Errorf("channel_mult_emb %d, want 4", *e.Emb)
	}
	return nil
}

func isFamily(class string) bool {
	_, err := nn.FamilyNamed(class)
	return err == nil
}

// defaults are those of the constructors. A configuration of ours leaves nothing out.
func (e edmConfig) defaults() nn.UNetConfig {
	if e.Class == "" {
		return nn.UNetConfig{}
	}
	family, err := nn.FamilyNamed(e.ModelType)
	if err != nil {
		family = nn.DhariwalUNet // EDMPrecond's default
	}
	return family.Constructor()
}

// configByShapes tells a network from its tensors. What their shapes leave open must be settled otherwise.
func configByShapes(f *tensor.SafeTensors) (nn.UNetConfig, error) {
	prefix, err := networkPrefix(f)
	if err != nil {
		return nn.UNetConfig{}, fmt.Errorf("%w: neither a %s", err, nn.FamilyNames("nor a"))
	}
	shapes := map[string][]int{}
	for _, name := range f.Names() {
		if own, ok := strings.CutPrefix(name, prefix); ok {
			e, _ := f.Entry(name)
			shapes[own] = e.Shape
		}
	}
	c, err := nn.UNetConfigOf(shapes)
	if err != nil {
		return c, fmt.Errorf("%s: %w", f.Path, err)
	}
	if name, why := c.Undecided(shapes); why != "" {
		return c, fmt.Errorf("%s: %s: %s", f.Path, prefix+name, why)
	}
	return c, nil
}

// networkPrefix is what stands before the names of a network's tensors, found by the anchor of whatever family it is of.
func networkPrefix(f *tensor.SafeTensors) (prefix string, err error) {
	for _, family := range nn.Families() {
		p, e := wrapper(f, family.Anchor)
		if e == nil {
			return p, nil
		}
		err = cmp.Or(err, e)
	}
	return "", err
}
