package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// KindPadChannels is the kind of [PadChannels].
const KindPadChannels Kind = "PadChannels"

// PadChannels appends channels of zeros to images: (N,C,H,W) becomes
// (N,channels,H,W).
func PadChannels(x *gorgonia.Node, channels int) (*gorgonia.Node, error) {
	if err := check(KindPadChannels, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) != 4 || channels < s[1] {
		return nil, fmt.Errorf("PadChannels: input is %v and channels %d, want (N,C,H,W) and at least C", s, channels)
	}
	n, pixels := s[0], s[2]*s[3]
	return apply(spec{kind: KindPadChannels, detail: fmt.Sprintf("to %d", channels), shape: tensor.Shape{n, channels, s[2], s[3]}},
		&kernel.PadChannels[float32]{N: n, From: s[1] * pixels, To: channels * pixels},
		&kernel.PadChannels[float64]{N: n, From: s[1] * pixels, To: channels * pixels}, x)
}
