package graph

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// A network that knows rotations has, in place of a channel, a field: one channel
// for each rotation of a group of R, side by side. A picture that is turned by one
// step of the group gives the same fields, turned, each with its channels moved up
// by one: see [LiftConv2D]. R is 4 for quarter turns, or a larger multiple of 4.
//
//	(N,F·R,H,W): field f of rotation r is channel f·R+r
//
// The group's layers keep this up to rounding for quarter turns, as long as every
// window meets the image's sides alike: a pooling of windows that fill the image, a
// padding that is equal on all sides. For finer turns they keep it as well as pixels
// can show them.

// LiftConv2D makes fields of pictures: each filter is turned by every rotation of
// the group, and each of these turned filters gives a channel of the field (Cohen
// and Welling 2016, "Group Equivariant Convolutional Networks", equation 10):
//
//	y[n,f·R+r,p] = b[f] + Σ_c Σ_u w[f,c,rotate(-r)u] · x[n,c,p+u]
//
// It takes (N,C,H,W) and gives (N,Filters·R,H',W'). Its parameters are bias
// (Filters) and weight: for quarter turns the filters (Filters,C,Kernel,Kernel),
// for finer ones (Filters,C,K) the shares of K circular harmonics, which turn
// without loss (Weiler, Hamprecht and Storath 2018, "Learning Steerable Filters for
// Rotation Equivariant CNNs").
//
// The turned filters are made of the weight by ops of the graph; an ordinary
// convolution does the rest.
type LiftConv2D struct {
	Filters    int // fields of the output
	Kernel     int
	Rotations  int        // of the group, a multiple of 4; 0 means 4
	Padding    Padding    // zero value: Valid
	Activation Activation // nil means none
	NoBias     bool
	WeightInit Init // nil means HeNormal
	BiasInit   Init // nil means Zeros
}

// Build adds the layer to s.
func (l LiftConv2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return GroupConv2D(l).build(s.Sub("liftconv2d"), x, false)
}

// GroupConv2D makes fields of fields: it turns its filters as [LiftConv2D] does, and
// at the same time moves what they take of each rotation (Cohen and Welling 2016,
// equation 11):
//
//	y[n,f·R+r,p] = b[f] + Σ_c Σ_s Σ_u w[f,c·R+(s-r mod R),rotate(-r)u] · x[n,c·R+s,p+u]
//
// It takes (N,C·R,H,W) and gives (N,Filters·R,H',W'). Its parameters are those of
// LiftConv2D with C·R for C.
type GroupConv2D struct {
	Filters    int // fields of the output
	Kernel     int
	Rotations  int        // of the group, a multiple of 4; 0 means 4
	Padding    Padding    // zero value: Valid
	Activation Activation // nil means none
	NoBias     bool
	WeightInit Init // nil means HeNormal
	BiasInit   Init // nil means Zeros
}

// Build adds the layer to s.
func (l GroupConv2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return l.build(s.Sub("groupconv2d"), x, true)
}

// build adds the convolution of fields, or of pictures.
func (l GroupConv2D) build(s *Scope, x *gorgonia.Node, fields bool) *gorgonia.Node {
	in, ok := s.image(x)
	if !ok || !s.positive(argument{"filters", l.Filters, ""}, argument{"kernel", l.Kernel, ""}) {
		return nil
	}
	b := bank{filters: l.Filters, channels: in[1], kernel: l.Kernel, from: 1}
	if b.rotations, ok = s.rotations(l.Rotations); !ok {
		return nil
	}
	if fields {
		if b.from = b.rotations; !s.fields(in, b.rotations) {
			return nil
		}
	}
	filters := b.build(s, l.WeightInit.or(HeNormal))
	bias := s.spread(s.bias(l.NoBias, l.BiasInit, l.Filters), b.rotations)
	y := s.Node(op.Conv2d(x, filters, bias, op.Conv{Pad: l.Padding.of(in, l.Kernel, 1)}))
	return s.activate(l.Activation, y)
}

// GroupBatchNorm is [BatchNorm] for fields: the channels of a field have one mean and
// one variance, so that a turned picture is normalised as the upright one.
//
// Its parameters are gamma and beta, its state mean and variance, all (fields).
type GroupBatchNorm struct {
	Rotations int     // of the group, a multiple of 4; 0 means 4
	Momentum  float64 // share of the running statistics that stays at each step; 0 means 0.9
	Epsilon   float64 // added to the variance; 0 means 1e-5
}

// Build adds the layer to s.
func (l GroupBatchNorm) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("batchnorm")
	in, ok := s.image(x)
	if !ok {
		return nil
	}
	r, ok := s.rotations(l.Rotations)
	if !ok || !s.fields(in, r) {
		return nil
	}
	norm, fields := BatchNorm{Momentum: l.Momentum, Epsilon: l.Epsilon}, in[1]/r
	if s.Training() {
		x = s.Node(op.Reshape(x, in[0], fields, r*in[2], in[3]))
		y := norm.build(s, x, fields, 1)
		return s.Node(op.Reshape(y, in...))
	}
	return norm.build(s, x, fields, r) // so that the convolution before can do it
}

// GroupMaxPool takes the largest of each field's channels, pixel by pixel (Cohen and
// Welling 2016, section 6.3): (N,F·R,H,W) becomes (N,F,H,W). Turned pictures give
// turned images.
type GroupMaxPool struct {
	Rotations int // of the group, a multiple of 4; 0 means 4
}

// Build adds the layer to s.
func (l GroupMaxPool) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("groupmaxpool")
	in, ok := s.image(x)
	if !ok {
		return nil
	}
	r, ok := s.rotations(l.Rotations)
	if !ok || !s.fields(in, r) {
		return nil
	}
	fields := in[1] / r
	x = s.Node(op.Reshape(x, in[0], fields, r, in[2]*in[3]))
	y := s.Node(op.MaxPool2D(x, op.Pool{KH: r, KW: 1, StrideH: r, StrideW: 1})) // (N,F,1,H·W)
	return s.Node(op.Reshape(y, in[0], fields, in[2], in[3]))
}

// rotations is a layer's number of rotations.
func (s *Scope) rotations(n int) (rotations int, ok bool) {
	if n == 0 {
		return 4, true
	}
	if n < 4 || n%4 != 0 || n > mostRotations {
		s.Errorf("%d rotations, want a multiple of 4 up to %d; 0 means 4", n, mostRotations)
		return 0, false
	}
	return n, true
}

// mostRotations bounds a group: steps of less than 6 degrees move no pixel of a
// filter.
const mostRotations = 64

// fields reports whether an image falls into fields.
func (s *Scope) fields(in []int, rotations int) bool {
	if in[1]%rotations != 0 {
		s.Errorf("%d channels do not fall into fields of %d rotations", in[1], rotations)
		return false
	}
	return true
}

// spread repeats each value of a vector of the fields for the field's channels.
func (s *Scope) spread(x *gorgonia.Node, rotations int) *gorgonia.Node {
	if x == nil || rotations == 1 {
		return x
	}
	fields := x.Shape()[0]
	index := make([]int32, fields*rotations)
	for i := range index {
		index[i] = int32(i / rotations)
	}
	return s.Node(op.Gather(x, op.Picks{Blocks: 1, Index: index}, len(index)))
}
