package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of the ops that copy a view.
const (
	KindStrided      Kind = "Strided"
	KindPermute      Kind = "Permute"
	KindPickChannels Kind = "PickChannels"
)

// Strided copies the elements of x that a view shows. The result has the view's
// shape.
func Strided(x *gorgonia.Node, v View) (*gorgonia.Node, error) {
	if err := check(KindStrided, x); err != nil {
		return nil, err
	}
	v, err := v.of(x.Shape())
	if err != nil {
		return nil, fmt.Errorf("Strided: %w", err)
	}
	if len(v.Shape) == 0 {
		return nil, fmt.Errorf("Strided: a view without dimensions, want one or more")
	}
	return v.apply(spec{kind: KindStrided, params: v}, x)
}

// View returns the view of a [Strided]; where none was given, the view of the
// whole tensor.
func (d Description) View() View {
	v, _ := d.paramsOf(KindStrided).(View)
	return v
}

// Permute puts the dimensions of x in another order: dimension i of the result is
// dimension axes[i] of x.
func Permute(x *gorgonia.Node, axes ...int) (*gorgonia.Node, error) {
	if err := check(KindPermute, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if sorted := slices.Sorted(slices.Values(axes)); len(s) == 0 || !slices.Equal(sorted, upTo(len(s))) {
		return nil, fmt.Errorf("Permute: axes %v of %v, want each of its dimensions once", axes, s)
	}
	from, v := whole(s), View{}
	for _, a := range axes {
		v.Shape, v.Steps = append(v.Shape, s[a]), append(v.Steps, from.Steps[a])
	}
	return v.apply(spec{kind: KindPermute, detail: fmt.Sprint(axes), params: slices.Clone(axes)}, x)
}

// Axes returns the axes of a [Permute].
func (d Description) Axes() []int {
	axes, _ := d.paramsOf(KindPermute).([]int)
	return axes
}

// PickChannels copies some channels of images (N,C,H,W), or of vectors (N,C), in
// the given order: the result has as many channels as are given.
func PickChannels(x *gorgonia.Node, channels ...int) (*gorgonia.Node, error) {
	if err := check(KindPickChannels, x); err != nil {
		return nil, err
	}
	s := x.Shape().Clone()
	if len(s) < 2 || len(channels) == 0 {
		return nil, fmt.Errorf("PickChannels: %d channels of %v, want one or more of (N,C,…)", len(channels), s)
	}
	for _, c := range channels {
		if c < 0 || c >= s[1] {
			return nil, fmt.Errorf("PickChannels: channel %d of %v, want 0 to %d", c, s, s[1]-1)
		}
	}
	channels = slices.Clone(channels)
	size := tensor.Shape(s[2:]).TotalSize()
	n, c := s[0], s[1]
	s[1] = len(channels)
	return apply(spec{kind: KindPickChannels, detail: fmt.Sprintf("%d of %d", len(channels), c), shape: s, dyOnly: true, params: channels},
		kernel.NewPickChannels[float32](n, c, size, channels), kernel.NewPickChannels[float64](n, c, size, channels), x)
}

// Channels returns the channels of a [PickChannels].
func (d Description) Channels() []int {
	channels, _ := d.paramsOf(KindPickChannels).([]int)
	return channels
}

// apply adds an op that copies what the view shows.
func (v View) apply(s spec, x *gorgonia.Node) (*gorgonia.Node, error) {
	s.shape, s.dyOnly = v.Shape, true
	shared := v.repeats()
	parts := !shared && tensor.Shape(v.Shape).TotalSize() < x.Shape().TotalSize()
	return apply(s, kernel.NewStrided[float32](v.From, v.Shape, v.Steps, shared, parts),
		kernel.NewStrided[float64](v.From, v.Shape, v.Steps, shared, parts), x)
}
