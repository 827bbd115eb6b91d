// Package raster turns pictures into pixels as networks take them: values in
// 0..1, channel by channel and row by row. Training and inference both prepare
// pictures here, so that a network that is used sees the pixels that it was
// trained on. The package needs the standard library alone, like the programs
// that cmd/export writes: [Source] is for them.
package raster

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"slices"
	"sync"
)

// Draw writes a picture to x: scaled to height h and width w, on white where it
// is transparent. With 3 channels x gets planes of red, green and blue, with 1
// channel grey: the luma of ITU-R BT.601. A picture of that size is not scaled.
// Safe for concurrent use.
//
// The scaler is Catmull's and Rom's cubic in the arithmetic of CatmullRom in
// golang.org/x/image/draw, bit for bit: networks have been trained on its
// pixels.
func Draw(x []float32, img image.Image, channels, h, w int) error {
	switch {
	case img == nil || img.Bounds().Empty():
		return errors.New("the picture is empty")
	case channels != 1 && channels != 3:
		return fmt.Errorf("%d channels, want 1 or 3 for pictures", channels)
	case h < 1 || w < 1 || len(x) != channels*h*w:
		return fmt.Errorf("room for %d values, want %d channels of %d×%d", len(x), channels, h, w)
	}
	c := canvases.Get().(*canvas)
	defer canvases.Put(c)
	c.resize(h, w)
	if img.Bounds().Size() == c.Rect.Size() {
		draw.Draw(&c.RGBA, c.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(&c.RGBA, c.Rect, img, img.Bounds().Min, draw.Over)
	} else {
		c.scale(img)
	}
	planes(x, c.Pix, channels)
	return nil
}

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

// scale draws a picture of another size on white.
func (c *canvas) scale(img image.Image) {
	h, w := c.Rect.Dy(), c.Rect.Dx()
	from, opaque := sourceOf(img), isOpaque(img)
	across, down := catmullRom.shares(from.w, w), catmullRom.shares(from.h, h)
	sums := c.resized(from, across, down)
	for i := range h * w {
		total := down[i/w].total
		pixel := sums[i*from.channels:][:from.channels]
		alpha := total // an opaque source may leave alpha out
		if from.channels == 4 {
			alpha = pixel[3]
		}
		white := uint32(0) // what shines through
		if !opaque {
			white = 255 * ((0xffff - bits16(alpha*(1/total))) * 0x101) / 0xffff
		}
		to := c.Pix[4*i:][:4]
		for k := range 3 {
			colour := min(pixel[k%from.channels], alpha) // is multiplied by alpha
			to[k] = uint8((white + bits16(colour*(1/total))) >> 8)
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
