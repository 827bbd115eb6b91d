package program

import (
	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/pixel"
)

// A step that makes the channels the last dimension, (N,C,H,W) to (N,H,W,C), has
// nothing to do for images that lie channels last without a border, if all elements
// of a pixel are channels: the memory is the same. So has the step back. Both become
// a Turn from channels last to channels last, which elide removes where the layouts
// are found to be equal.

// reorder settles a step that only changes the order of dimensions. It reports false
// if that has to be a copy.
func (l *layer[T]) reorder(s *Step[T]) bool {
	k, ok := s.Kernel.(Turned)
	if !ok {
		return false
	}
	x, y := s.In[0], s.Out
	switch last, first := k.Turn(); {
	case last && x.Layout.Last && x.Layout.C%pixel.Align == 0:
		// y is the memory of pixels, which has x's pixels in the order (N,H,W,C).
		// The Turn writes pixels, and y shows their memory in the shape (N,H,W,C):
		//
		//	x last+border ── Turn ──▶ pixels last ◀─view, raw─ y
		//
		// Readers of y see raw memory, which is no view of planes: see viewed.
		pixels := newValue[T](x.Name, x.Shape)
		pixels.Layout = pixels.Layout.Lastly(pixel.Border{})
		s.In, s.Out = []*Value[T]{l.as(x, pixel.Want{Layout: pixels.Layout})}, pixels
		y.view, y.raw = pixels, true
	case first && y.Layout.C%pixel.Align == 0:
		// x lies as (N,H,W,C) in the order of its dimensions, that is as y's pixels: C is a
		// multiple of Align, so that a pixel has no zeros beyond C, and neither has x.
		y.Layout = y.Layout.Lastly(pixel.Border{})
		// pixels is x's memory with a layout that Turn can read: that of x counts its second
		// dimension, H, as channels.
		pixels := &Value[T]{Name: x.Name, Shape: y.Shape, Layout: y.Layout, view: l.as(x, pixel.Want{}), raw: true}
		s.In = []*Value[T]{pixels}
	default:
		return false
	}
	s.Kernel = kernel.NewTurn[T]()
	s.elidable = true
	l.steps, l.laid = append(l.steps, s), append(l.laid, s)
	return true
}

// elide makes the results of turns between equal layouts views. It comes when borders
// and places inside wider values are settled: a turn between layouts that have become
// different is a copy.
//
// It follows join, which may have moved a turn's operand into wider pixels or given it a
// border. Only behind it the kernels are told their layouts.
func (p *Program[T]) elide() {
	for _, s := range p.steps {
		if from, to := s.In, s.Out; s.elidable && from[0].Layout == to.Layout && to.view == nil && !to.result {
			to.view, to.at = from[0], 0
			s.Kernel = nil
		}
	}
}
