// Package raster turns pictures into pixels as networks take them: values in
// 0..1, channel by channel and row by row. Training and inference both prepare
// pictures here, so that a network that is used sees the pixels that it was
// trained on. The package needs the standard library alone, like the programs
// that cmd/export writes: [Source] is for them.
package raster

import (
	"image"
	"image/draw"
	"slices"
	"sync"
)

// canvas is the image that a picture is drawn on, with memory for scaling.
type canvas struct {
	image.RGBA
	scaler
}

var canvases = sync.Pool{New: func() any { return new(canvas) }}

// resize gives the canvas a size. Its pixels are undefined.
func (c *canvas) resize(h, w int) {
	c.Rect, c.Stride = image.Rect(0, 0, w, h), 4*w
	c.Pix = sized(c.Pix, 4*h*w)
}

// sized is a slice of n elements, which are undefined, in the memory of s if
// there is room.
func sized[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// draw draws a picture on white, scaled and placed as f says. What of the canvas
// it leaves free is black.
func (c *canvas) draw(img image.Image, k kernel, f frame) {
	size := img.Bounds().Size()
	inside := image.Rect(-f.left, -f.top, f.w-f.left, f.h-f.top).Intersect(c.Rect)
	if inside != c.Rect {
		draw.Draw(&c.RGBA, c.Rect, image.Black, image.Point{}, draw.Src)
	}
	if size == (image.Point{X: f.w, Y: f.h}) {
		from := img.Bounds().Min.Add(inside.Min).Add(image.Pt(f.left, f.top))
		draw.Draw(&c.RGBA, inside, image.White, image.Point{}, draw.Src)
		draw.Draw(&c.RGBA, inside, img, from, draw.Over)
		return
	}
	across := k.shares(size.X, f.w, inside.Min.X+f.left, inside.Dx())
	down := k.shares(size.Y, f.h, inside.Min.Y+f.top, inside.Dy())
	c.scale(withColumns(img, across), across, down, inside.Min)
}

// withColumns is the part of a picture whose columns count, if its type can be cut. The
// shares are then those of the part's columns.
func withColumns(img image.Image, across []share) image.Image {
	whole, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if !ok {
		return img
	}
	part, last := img.Bounds(), across[len(across)-1]
	part.Max.X = part.Min.X + last.first + len(last.weights)
	part.Min.X += across[0].first
	for i, first := 0, across[0].first; i < len(across); i++ {
		across[i].first -= first
	}
	return whole.SubImage(part)
}

// scale draws pixels of a scaled picture on white, by the shares of its columns
// and rows. The first of them goes to a place of the canvas.
func (c *canvas) scale(img image.Image, across, down []share, at image.Point) {
	w := len(across)
	from, opaque := sourceOf(img), isOpaque(img)
	sums := c.resized(from, across, down)
	for j, row := range down {
		part := 1 / row.total
		to := c.Pix[c.PixOffset(at.X, at.Y+j):][:4*w]
		for i := range w {
			pixel := sums[(j*w+i)*from.channels:][:from.channels]
			alpha := row.total // an opaque source may leave alpha out
			if from.channels == 4 {
				alpha = pixel[3]
			}
			white := uint32(0) // what shines through
			if !opaque {
				white = 255 * ((0xffff - bits16(alpha*part)) * 0x101) / 0xffff
			}
			red, green, blue := pixel[0], pixel[0], pixel[0] // multiplied by alpha
			if from.channels > 1 {
				green, blue = pixel[1], pixel[2]
			}
			p := to[4*i:][:3]
			p[0] = uint8((white + bits16(min(red, alpha)*part)) >> 8)
			p[1] = uint8((white + bits16(min(green, alpha)*part)) >> 8)
			p[2] = uint8((white + bits16(min(blue, alpha)*part)) >> 8)
		}
	}
}

// isOpaque reports whether a picture says that no pixel is transparent.
func isOpaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// bits16 converts a value in 0..1 to 16 bits. A value outside is cut off.
func bits16(v float64) uint32 { return uint32(max(0, min(int32(float64(0xffff*v)+0.5), 0xffff))) }

// planes writes red, green, blue and alpha bytes to x, as one channel or three.
func planes(x []float32, rgba []uint8, channels int) {
	n := len(rgba) / 4
	if channels == 1 {
		for i := range n {
			r, g, b := uint32(rgba[4*i]), uint32(rgba[4*i+1]), uint32(rgba[4*i+2])
			x[i] = values[(19595*r+38470*g+7471*b+1<<15)>>16] // rounded, where color.GrayModel cuts off
		}
		return
	}
	for c := range 3 {
		for i := range n {
			x[c*n+i] = values[rgba[4*i+c]]
		}
	}
}

// values[v] is v/255.
var values = func() (t [256]float32) {
	for v := range t {
		t[v] = float32(v) / 255
	}
	return t
}()
