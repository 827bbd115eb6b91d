package pixel

import "tapenet/graph/internal/kernel/cpu"

// This file turns images from planes to channels last and back: a transposition of the
// matrix (channels,pixels), in blocks of 8×8 in registers.
//
//	planes                          pixels
//	c0 │ p0 p1 … p7 │ p8 …          p0 │ c0 c1 … c7 │ c8 … c10 0 0 0 0 0 │
//	c1 │ p0 p1 … p7 │ p8 …    ◀▶    p1 │ c0 c1 … c7 │ c8 … c10 0 …
//	…                               …
//
// Channels that fill blocks of eight go by fromPlanes and toPlanes. The last channels,
// fewer than eight, go by the loops for few planes, where eight elements are left in
// memory for a vector, and else one by one. Pictures of three channels side by side,
// as files have them, have loops of their own.
//
// All this moves elements and computes nothing: there are no bits to differ.

// turnLoop is a transposition between planes and pixels in assembly, of channels and
// pixels of at least one each.
type turnLoop func(channels, pixels int, dst *float32, dstDistance int, src *float32, srcDistance int)

// turnPixels is the number of pixels that are turned, with all their channels, before
// the next ones, where the last channels do not fill a vector: the pixels are in the
// cache when the second loop comes to them. It is a multiple of 16.
const turnPixels = 128

// FromPlanes sets pixels from planes:
//
//	dst[p*dstPixel+c] = src[c*srcPlane+p] for p < pixels and c < channels
//
// The elements of a pixel behind its channels become zero, up to Width(channels) or
// the next pixel: dst has them for the last pixel too. dstPixel is at least channels.
// dst and src do not overlap.
func FromPlanes[T cpu.Float](dst []T, dstPixel int, src []T, srcPlane, channels, pixels int) {
	if d, ok := cpu.Float32s(dst); ok {
		s, _ := cpu.Float32s(src)
		fromPlanes32(d, dstPixel, s, srcPlane, channels, pixels)
		return
	}
	pixelsFromPlanes(dst, dstPixel, src, srcPlane, channels, pixels, 0, dstPixel)
}

// ToPlanes sets planes from pixels:
//
//	dst[c*dstPlane+p] = src[p*srcPixel+c] for p < pixels and c < channels
func ToPlanes[T cpu.Float](dst []T, dstPlane int, src []T, srcPixel, channels, pixels int) {
	if d, ok := cpu.Float32s(dst); ok {
		s, _ := cpu.Float32s(src)
		toPlanes32(d, dstPlane, s, srcPixel, channels, pixels)
		return
	}
	planesFromPixels(dst, dstPlane, src, srcPixel, channels, pixels, 0)
}

// fromPlanes32 is FromPlanes in assembly, as far as its vectors reach.
func fromPlanes32(dst []float32, dstPixel int, src []float32, srcPlane, channels, pixels int) {
	if channels == 0 || pixels == 0 {
		return
	}
	whole, few := channels&^7, channels%8
	if few == 0 {
		loops().fromPlanes(whole, pixels, &dst[0], dstPixel, &src[0], srcPlane)
		return
	}
	if channels == 3 && dstPixel == 3 {
		done := pixels &^ 7
		if done > 0 {
			loops().fromThreePlanes(done, &dst[0], &src[0], srcPlane)
		}
		pixelsFromPlanes(dst, dstPixel, src, srcPlane, channels, pixels, done, dstPixel)
		return
	}
	dst = dst[:(pixels-1)*dstPixel+max(channels, min(Width(channels), dstPixel))]
	for p := 0; p < pixels; p += turnPixels {
		n := min(turnPixels, pixels-p)
		// The last channels come first, as where pixels lie close their vectors reach
		// into the next pixel.
		to, from := dst[p*dstPixel+whole:], src[whole*srcPlane+p:]
		done := inVectors(n, len(to), dstPixel)
		if done > 0 {
			loops().fromFewPlanes(few, done, &to[0], dstPixel, &from[0], srcPlane)
		}
		pixelsFromPlanes(to, dstPixel, from, srcPlane, few, n, done, dstPixel-whole)
		if whole > 0 {
			loops().fromPlanes(whole, n, &dst[p*dstPixel], dstPixel, &src[p], srcPlane)
		}
	}
}

// toPlanes32 is ToPlanes in assembly, as far as its vectors reach. It reads vectors of
// eight channels, of which the last pixel may have fewer in memory: those pixels are
// left to plain Go.
func toPlanes32(dst []float32, dstPlane int, src []float32, srcPixel, channels, pixels int) {
	if channels == 0 || pixels == 0 {
		return
	}
	whole, few := channels&^7, channels%8
	if few == 0 {
		loops().toPlanes(whole, pixels, &dst[0], dstPlane, &src[0], srcPixel)
		return
	}
	if channels == 3 && srcPixel == 3 {
		done := pixels &^ 7
		if done > 0 {
			loops().toThreePlanes(done, &dst[0], dstPlane, &src[0])
		}
		planesFromPixels(dst, dstPlane, src, srcPixel, channels, pixels, done)
		return
	}
	for p := 0; p < pixels; p += turnPixels {
		n := min(turnPixels, pixels-p)
		if whole > 0 {
			loops().toPlanes(whole, n, &dst[p], dstPlane, &src[p*srcPixel], srcPixel)
		}
		to, from := dst[whole*dstPlane+p:], src[p*srcPixel+whole:]
		done := inVectors(n, len(from), srcPixel)
		if done > 0 {
			loops().toFewPlanes(few, done, &to[0], dstPlane, &from[0], srcPixel)
		}
		planesFromPixels(to, dstPlane, from, srcPixel, few, n, done)
	}
}

// inVectors returns how many of the first n pixels, in whole eights, may be read or
// written as vectors of eight elements: pixel p begins at p·distance, and its vector
// ends within the elements.
func inVectors(n, elements, distance int) int {
	if elements < 8 {
		return 0
	}
	return min(n, (elements-8)/distance+1) &^ 7
}

// pixelsFromPlanes is FromPlanes from pixel first on, where a pixel has room for so
// many elements.
func pixelsFromPlanes[T cpu.Float](dst []T, dstPixel int, src []T, srcPlane, channels, pixels, first, room int) {
	width := max(channels, min(Width(channels), room))
	for p := first; p < pixels; p++ {
		pixel := dst[p*dstPixel:][:width]
		for c := range channels {
			pixel[c] = src[c*srcPlane+p]
		}
		clear(pixel[channels:])
	}
}

// planesFromPixels is ToPlanes from pixel first on.
func planesFromPixels[T cpu.Float](dst []T, dstPlane int, src []T, srcPixel, channels, pixels, first int) {
	for c := range channels {
		plane := dst[c*dstPlane:][:pixels]
		for p := first; p < pixels; p++ {
			plane[p] = src[p*srcPixel+c]
		}
	}
}
