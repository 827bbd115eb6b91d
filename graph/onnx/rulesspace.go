package onnx

import (
	"slices"

	"gorgonia.org/gorgonia"
)

// arrangeDepthToSpace makes blocks of pixels of channels.
func arrangeDepthToSpace(b *builder, x *value) *value {
	s, k := x.shape(), b.attrInt("blocksize", 0)
	if len(s) != 4 || k < 1 || k > maxSize || s[1]%k != 0 || s[1]/k%k != 0 {
		b.fail("input is %v and blocksize %d, want images (N,C,H,W) whose channels fill blocks", s, k)
		return nil
	}
	c := s[1] / k / k
	shape, perm := []int{s[0], k, k, c, s[2], s[3]}, []int{0, 3, 4, 1, 5, 2}
	if b.attrText("mode") == "CRD" {
		shape, perm = []int{s[0], c, k, k, s[2], s[3]}, []int{0, 1, 4, 2, 5, 3}
	}
	if x = b.shaped(x, shape); x == nil {
		return nil
	}
	return b.shaped(b.viewed(x, x.view.permuted(perm)), []int{s[0], c, s[2] * k, s[3] * k})
}

// arrangeSpaceToDepth makes channels of blocks of pixels.
func arrangeSpaceToDepth(b *builder, x *value) *value {
	s, k := x.shape(), b.attrInt("blocksize", 0)
	if len(s) != 4 || k < 1 || s[2]%k != 0 || s[3]%k != 0 {
		b.fail("input is %v and blocksize %d, want images (N,C,H,W) that blocks fill", s, k)
		return nil
	}
	if x = b.shaped(x, []int{s[0], s[1], s[2] / k, k, s[3] / k, k}); x == nil {
		return nil
	}
	return b.shaped(b.viewed(x, x.view.permuted([]int{0, 3, 5, 1, 2, 4})), []int{s[0], s[1] * k * k, s[2] / k, s[3] / k})
}

// arrangeTile repeats a value along its dimensions.
func arrangeTile(b *builder, x *value) *value {
	times, ok := b.ints(1)
	s := x.shape()
	if !ok || len(times) != len(s) || b.opset < 6 || len(s) > 0 && slices.Min(times) < 1 {
		b.fail("repeats of %v that are computed, or not one positive number for each dimension", s)
		return nil
	}
	x = b.ordered(x)
	apart, expanded, to := []int{}, []int{}, []int{}
	for i, d := range s {
		apart, expanded, to = append(apart, 1, d), append(expanded, times[i], d), append(to, times[i]*d)
	}
	if x = b.shaped(x, apart); x == nil || !b.fits(to) {
		return nil
	}
	return b.shaped(b.viewed(x, x.view.expanded(expanded)), to)
}

// importTrilu keeps one triangle of matrices.
func importTrilu(b *builder, x *gorgonia.Node) *gorgonia.Node {
	s, shift := x.Shape(), 0
	if v, ok := b.ints(1); ok && len(v) == 1 {
		shift = v[0]
	} else if b.has(1) {
		return b.fail("a diagonal that is computed, want a constant")
	}
	if len(s) < 2 {
		return b.fail("input is %v, want matrices", s)
	}
	upper, n := b.attrInt("upper", 1) != 0, len(s)
	matrices := b.reshape(x, s[:n-2].TotalSize(), s[n-2], s[n-1])
	if matrices == nil {
		return nil
	}
	y := b.gather(matrices, true, 0, matrices.Shape(), func(to, from []int) bool {
		copy(from, to)
		d := to[1] - to[0]
		return upper && d >= shift || !upper && d <= shift
	})
	return b.reshape(y, s...)
}
