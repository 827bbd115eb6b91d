package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of the ops that move images.
const (
	KindRoll     Kind = "Roll"
	KindPadImage Kind = "PadImage"
)

// Roll moves the elements of x along its dimensions. Elements that fall off the
// beginning come in again at the end: element i of a dimension of size d is element i+shift of x,
// counted modulo d. There is a shift, of either sign, for each dimension.
func Roll(x *gorgonia.Node, shifts ...int) (*gorgonia.Node, error) {
	if err := check(KindRoll, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) == 0 || len(shifts) != len(s) {
		return nil, fmt.Errorf("Roll: shifts %v of %v, want one for each dimension", shifts, s)
	}
	shifts = slices.Clone(shifts)
	for i, d := range s {
		shifts[i] = (shifts[i]%d + d) % d
	}
	return apply(spec{kind: KindRoll, detail: fmt.Sprint(shifts), shape: s, dyOnly: true, params: shifts},
		kernel.NewRoll[float32](s, shifts), kernel.NewRoll[float64](s, shifts), x)
}

// Shifts returns the shifts of a [Roll]: none is negative, each is smaller than
// its dimension.
func (d Description) Shifts() []int {
	shifts, _ := d.paramsOf(KindRoll).([]int)
	return shifts
}

// Border are the parameters of [PadImage].
type Border struct {
	Padding
	Fill float64
}

// PadImage puts a border around each plane of images (N,C,H,W).
func PadImage(x *gorgonia.Node, b Border) (*gorgonia.Node, error) {
	if err := check(KindPadImage, x); err != nil {
		return nil, err
	}
	s := x.Shape().Clone()
	if len(s) != 4 || min(b.Top, b.Bottom, b.Left, b.Right) < 0 {
		return nil, fmt.Errorf("PadImage: input is %v and padding %d,%d,%d,%d, want (N,C,H,W) and no negative numbers", s, b.Top, b.Bottom, b.Left, b.Right)
	}
	shape := tensor.Shape{s[0], s[1], s[2] + b.Top + b.Bottom, s[3] + b.Left + b.Right}
	return apply(spec{kind: KindPadImage, detail: fmt.Sprintf("%d,%d,%d,%d", b.Top, b.Bottom, b.Left, b.Right), shape: shape, dyOnly: true, params: b},
		&kernel.PadImage[float32]{Planes: s[0] * s[1], H: s[2], W: s[3], Top: b.Top, Bottom: b.Bottom, Left: b.Left, Right: b.Right, Fill: b.Fill},
		&kernel.PadImage[float64]{Planes: s[0] * s[1], H: s[2], W: s[3], Top: b.Top, Bottom: b.Bottom, Left: b.Left, Right: b.Right, Fill: b.Fill}, x)
}

// Border returns the parameters of a [PadImage].
func (d Description) Border() Border {
	b, _ := d.paramsOf(KindPadImage).(Border)
	return b
}
