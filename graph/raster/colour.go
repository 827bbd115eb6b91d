// Package raster makes pictures what networks take: pixels in 0..1, channel by
// channel and row by row. It needs the standard library alone, as programs do that
// cmd/export writes: [Source] is for them.
//
// Strokes is what infer does too. For pictures that are scaled as a whole infer
// and the datasets have golang.org/x/image, from which RGB and Grey may differ by
// a level of 255.
package raster

import (
	"image"
	"image/draw"
	"math"
)

// RGB is a picture in three planes, red, green and blue, drawn on white and scaled
// to height h and width w.
func RGB(img image.Image, h, w int) []float32 {
	pixels := onWhite(img, h, w)
	n := h * w
	x := make([]float32, 3*n)
	for i := range n {
		for c := range 3 {
			x[c*n+i] = float32(pixels[3*i+c]) / 255
		}
	}
	return x
}

// Grey is a picture in grey, as color.GrayModel makes it, drawn on white and
// scaled.
func Grey(img image.Image, h, w int) []float32 {
	pixels := onWhite(img, h, w)
	x := make([]float32, h*w)
	for i := range x {
		r, g, b := uint32(pixels[3*i]), uint32(pixels[3*i+1]), uint32(pixels[3*i+2])
		x[i] = float32((19595*r+38470*g+7471*b+1<<15)>>16) / 255
	}
	return x
}

// onWhite scales a picture and draws it on white, (h,w,3).
func onWhite(img image.Image, h, w int) []uint8 {
	size := img.Bounds().Size()
	line := image.NewRGBA(image.Rect(0, 0, size.X, 1))
	from := source{h: size.Y, w: size.X, channels: 4, row: func(y int, to []float64) {
		draw.Draw(line, line.Rect, img, img.Bounds().Min.Add(image.Pt(0, y)), draw.Src)
		for i, v := range line.Pix {
			to[i] = float64(v)
		}
	}}
	scaled := from.resized(h, w, catmullRom)
	pixels := make([]uint8, h*w*3)
	for i := range pixels {
		alpha := max(0, min(scaled[i/3*4+3], 255))
		colour := max(0, min(scaled[i/3*4+i%3], alpha)) // multiplied by alpha
		pixels[i] = uint8(math.Round(colour + 255 - alpha))
	}
	return pixels
}
