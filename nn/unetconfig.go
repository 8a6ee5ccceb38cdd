package nn

import (
	"encoding/json"
	"fmt"
)

// UNetConfig describes a U-Net in the words of EDM's constructor arguments, which are also its JSON form.
type UNetConfig struct {
	ModelType        string    `json:"model_type"` // the name of a [Family]
	Resolution       int       `json:"img_resolution"`
	InChannels       int       `json:"in_channels"`
	OutChannels      int       `json:"out_channels"`
	LabelDim         int       `json:"label_dim"`   // classes; 0: unconditional
	AugmentDim       int       `json:"augment_dim"` // augmentation labels; 0: none
	ModelChannels    int       `json:"model_channels"`
	ChannelMult      []int     `json:"channel_mult"` // widths of the levels, in ModelChannels
	NumBlocks        int       `json:"num_blocks"`   // residual blocks per level
	AttnResolutions  []int     `json:"attn_resolutions"`
	Dropout          float32   `json:"dropout"`                 // while training from data
	LabelDropout     float32   `json:"label_dropout,omitempty"` // the same, of whole labels: what lets a network do without
	EmbeddingType    string    `json:"embedding_type"`          // SongUNet: positional or fourier
	ChannelMultNoise int       `json:"channel_mult_noise"`      // SongUNet: width of the noise embedding
	EncoderType      string    `json:"encoder_type"`            // SongUNet: standard or residual
	ResampleFilter   []float32 `json:"resample_filter"`         // SongUNet
}

// Check says what is wrong with a configuration, before anything is built.
func (c UNetConfig) Check() error {
	family, err := FamilyNamed(c.ModelType)
	if err != nil {
		return fmt.Errorf("model_type %w", err)
	}
	switch {
	case c.Resolution < 1 || c.Resolution > 1<<14 || c.InChannels < 1 || c.OutChannels < 1 || c.ModelChannels < 1 || c.NumBlocks < 1:
		return c.errorf("resolution %d, channels %d, %d and %d, %d blocks: all must be positive", c.Resolution, c.InChannels, c.OutChannels, c.ModelChannels, c.NumBlocks)
	case !(c.Dropout >= 0 && c.Dropout < 1) || !(c.LabelDropout >= 0 && c.LabelDropout <= 1):
		return c.errorf("dropout %g, label_dropout %g: want probabilities", c.Dropout, c.LabelDropout)
	case c.LabelDim < 0 || c.AugmentDim < 0:
		return c.errorf("label_dim %d, augment_dim %d: must not be negative", c.LabelDim, c.AugmentDim)
	}
	return family.check(c)
}

// errorf is an error that begins with the name of the family.
func (c UNetConfig) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{c.ModelType}, args...)...)
}

// LeastParameters is a number of parameters that the network has at least, however large the configuration's numbers are: what a file with such a
// network must hold. The configuration has been checked.
func (c UNetConfig) LeastParameters() float64 { return c.family().least(c) }

// CheckReference is an error if the PID reference repository has no such network.
func (c UNetConfig) CheckReference() error { return c.family().checkReference(c) }

// JSON is the configuration as it stands in a weight file.
func (c UNetConfig) JSON() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data
	}
	return string(b)
}

// ParseUNetConfig reads what [UNetConfig.JSON] wrote. Settings that the text lacks are those of base.
func ParseUNetConfig(s string, base UNetConfig) (UNetConfig, error) {
	if err := json.Unmarshal([]byte(s), &base); err != nil {
		return base, err
	}
	return base, base.Check()
}

// family is that of a configuration that was checked.
func (c UNetConfig) family() *Family {
	f, err := FamilyNamed(c.ModelType)
	if err != nil {
		panic(fmt.Errorf("nn: model_type %w", err))
	}
	return f
}
