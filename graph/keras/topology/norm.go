package topology

import (
	"encoding/json"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// batchNorm uses the constants 1 and 0 for a gamma and a beta that the file
// does not have.
func batchNorm(l *loader, s step) ([]build, error) {
	axis, err := axes(s.config.Axis)
	if err != nil {
		return nil, err
	}
	scale := true
	if len(s.config.Scale) > 0 && json.Unmarshal(s.config.Scale, &scale) != nil {
		return nil, fmt.Errorf("scale %.64s, want true or false", s.config.Scale)
	}
	o := op.Norm{Epsilon: 1e-3, Momentum: 0.99}
	for _, v := range []struct{ to, from *float64 }{{&o.Epsilon, s.config.Epsilon}, {&o.Momentum, s.config.Momentum}} {
		if v.from != nil {
			*v.to = *v.from
		}
	}
	var all [4]Array // gamma, beta, mean, variance
	for i, name := range []string{"gamma", "beta", "moving_mean", "moving_variance"} {
		if i == 0 && !scale || i == 1 && !isTrue(s.config.Center) {
			continue
		}
		if all[i], err = l.take(s, []string{name}, -1); err != nil {
			return nil, err
		}
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if len(axis) != 1 || axis[0] != -1 && axis[0] != x.Dims()-1 {
			return b.errorf("axis %v, want the last one", axis)
		}
		return b.norm(x, all, o)
	}}, nil
}

// norm is graph.BatchNorm with the values of a file.
func (b *builder) norm(x *gorgonia.Node, all [4]Array, o op.Norm) *gorgonia.Node {
	c := x.Shape()[1]
	for _, a := range all {
		if a.Values != nil && len(a.Values) != c {
			return b.errorf("input %v, want %d channels", x.Shape(), len(a.Values))
		}
	}
	s, place := b.s.Sub("batchnorm"), itself
	if x.Dims() == 2 {
		place = b.element()
	}
	tensor := func(make func(string, graph.Init, ...int) *gorgonia.Node, name string, i int, otherwise graph.Init) *gorgonia.Node {
		if all[i].Values == nil {
			return b.tensor(s.State, name, otherwise, c)
		}
		return b.tensor(make, name, initial(all[i], place), c)
	}
	gamma, beta := tensor(s.Param, "gamma", 0, graph.Ones), tensor(s.Param, "beta", 1, graph.Zeros)
	mean, variance := tensor(s.State, "mean", 2, nil), tensor(s.State, "variance", 3, nil)
	o.Training = s.Training()
	return s.Node(op.BatchNorm(x, gamma, beta, mean, variance, o))
}

// rescaling is scale·x + offset, each a number or one for each channel.
func rescaling(l *loader, s step) ([]build, error) {
	scale, err := numbers(s.config.Scale, 1)
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	offset, err := numbers(s.config.Offset, 0)
	if err != nil {
		return nil, fmt.Errorf("offset: %w", err)
	}
	l.scaled(s, scale, offset)
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.line("rescaling", x, scale, offset) }}, nil
}

// normalization is (x-mean)/√variance. The numbers are settings, or weights that
// Keras has counted from pictures. The divisor is at least Keras's epsilon, 1e-7.
func normalization(l *loader, s step) ([]build, error) {
	axis, err := axes(s.config.Axis)
	if err == nil && (len(axis) != 1 || axis[0] != -1 && axis[0] != 3) {
		err = fmt.Errorf("axis %v, want the last one", axis)
	}
	if err != nil {
		return nil, err
	}
	if s.config.Invert {
		return nil, fmt.Errorf("invert is not supported")
	}
	var all [2][]float32
	for i, text := range []json.RawMessage{s.config.Mean, s.config.Variance} {
		name := []string{"mean", "variance"}[i]
		if len(text) > 0 && string(text) != "null" {
			if all[i], err = numbers(text, 0); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		a, err := l.take(s, []string{name})
		if err != nil {
			return nil, err
		}
		all[i] = a.Values
	}
	l.weights.Skip(s.place) // the number of pictures that were counted
	n := max(len(all[0]), len(all[1]))
	scale, offset := make([]float32, n), make([]float32, n)
	if n == 0 || n%len(all[0]) != 0 || n%len(all[1]) != 0 {
		return nil, fmt.Errorf("%d means and %d variances, want one for each channel", len(all[0]), len(all[1]))
	}
	for i := range scale {
		mean, variance := float64(all[0][i%len(all[0])]), float64(all[1][i%len(all[1])])
		by := 1 / max(math.Sqrt(variance), 1e-7)
		scale[i], offset[i] = float32(by), float32(-mean*by)
	}
	l.scaled(s, scale, offset)
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.line("normalization", x, scale, offset) }}, nil
}

// line is scale·x + offset. Both have one number, or one for each channel.
func (b *builder) line(name string, x *gorgonia.Node, scale, offset []float32) *gorgonia.Node {
	c := x.Shape()[1]
	s, place := b.s.Sub(name), itself
	shape := []int{1, c, 1, 1}
	if x.Dims() == 2 {
		place, shape = b.element(), []int{1, c}
	}
	for i, list := range [][]float32{scale, offset} {
		if len(list) != 1 && len(list) != c {
			return b.errorf("%d numbers for an input %v, want one, or one for each channel", len(list), x.Shape())
		}
		all := make([]float32, c)
		for k := range all {
			all[k] = list[place(k)%len(list)]
		}
		if i == 0 {
			x = s.Node(op.Scale(x, s.Constant("scale", all, shape...)))
		} else {
			x = s.Node(op.Shift(x, s.Constant("offset", all, shape...)))
		}
	}
	return x
}
