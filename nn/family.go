package nn

import (
	"fmt"
	"slices"
	"strings"

	"onestep/autograd"
)

// Family is an architecture of raw networks F, and all that tells it from the others: whoever builds, reads or refuses a network asks its family.
// A family is one file, which registers it.
type Family struct {
	Name  string // of its class in EDM's code, and [UNetConfig.ModelType]
	Paper string // that it is from, by its arXiv number; messages name the oldest family first

	// Defaults are the settings that a configuration may leave out, Constructor those that a network which EDM has pickled leaves out.
	Defaults, Constructor func() UNetConfig

	// Anchor is a tensor of each of its networks: what stands before its name in a file stands before all names.
	Anchor string

	// check says what is wrong with a configuration whose sizes are positive.
	check func(c UNetConfig) error
	// least is a number of parameters that a network has at least.
	least func(c UNetConfig) float64
	// declare makes the layers, in the order of the published state dict.
	declare func(u *UNet, s Scope) (network, error)

	// recognise says whether a state dict is of this family, and read tells its configuration.
	recognise func(k unetKeys) bool
	read      func(k unetKeys) UNetConfig
	// undecided is the tensor whose shape leaves something of the configuration open, and why; "", "": there is none.
	undecided func(c UNetConfig, k unetKeys) (tensor, why string)

	// checkReference is an error if the PID reference repository has no such network.
	checkReference func(c UNetConfig) error
}

// network is what a family makes of a configuration.
type network interface {
	// forward is F. Shapes: x (N,H,W,InChannels); result (N,H,W,OutChannels).
	forward(x *autograd.Var, in Inputs) *autograd.Var
	// last is the convolution whose result is that of forward.
	last() *Conv2d
}

var families []*Family

// register makes a family known, while the package is initialised.
func register(f *Family) *Family {
	families = append(families, f)
	slices.SortFunc(families, func(a, b *Family) int { return strings.Compare(a.Paper, b.Paper) })
	return f
}

// Families are all of them, the oldest first.
func Families() []*Family { return slices.Clone(families) }

// FamilyNames is the names of all families, with a word between: "or", "nor a".
func FamilyNames(between string) string {
	var names []string
	for _, f := range families {
		names = append(names, f.Name)
	}
	return strings.Join(names, " "+between+" ")
}

// FamilyNamed finds a family. Its error begins with the name.
func FamilyNamed(name string) (*Family, error) {
	for _, f := range families {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%q: want %s", name, FamilyNames("or"))
}
