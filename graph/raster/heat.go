package raster

import (
	"image"
	"image/color"
	"image/draw"
)

// Heat is a map of values in 0..1 to lay over a picture.
type Heat struct {
	Height, Width int
	Values        []float32 // row by row
}

// At is the value at a place of the map, in 0..1 across and down, interpolated between the
// middles of its cells (bilinear).
func (m Heat) At(across, down float64) float32 {
	x, left, right := between(across, m.Width)
	y, top, bottom := between(down, m.Height)
	row := func(at int) float64 {
		v := m.Values[at*m.Width:]
		return (1-x)*float64(v[left]) + x*float64(v[right])
	}
	return float32((1-y)*row(top) + y*row(bottom))
}

// between says between the middles of which two of n cells a place in 0..1 lies, and which
// share of the way from the one to the other.
func between(at float64, n int) (share float64, before, after int) {
	at = max(0, min(at*float64(n)-0.5, float64(n-1)))
	before = int(at)
	return at - float64(before), before, min(before+1, n-1)
}

// Over draws the map over the region of a picture that it is of. What lies outside of the
// region is made darker: the network does not see it. The result begins at (0,0).
func (m Heat) Over(img image.Image, seen Region) *image.RGBA {
	size := img.Bounds().Size()
	to := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(to, to.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(to, to.Rect, img, img.Bounds().Min, draw.Over)
	for y := range size.Y {
		for x := range size.X {
			pixel := to.Pix[y*to.Stride+4*x:][:3]
			cx, cy := float64(x)+0.5, float64(y)+0.5
			if !seen.Inside(cx, cy) {
				for k, v := range pixel {
					pixel[k] = v / 3
				}
				continue
			}
			over := HeatColor(m.At(seen.At(cx, cy)))
			alpha := uint32(over.A)
			for k, v := range [3]uint8{over.R, over.G, over.B} {
				pixel[k] = uint8((alpha*uint32(v) + (255-alpha)*uint32(pixel[k]) + 127) / 255)
			}
		}
	}
	return to
}

// HeatColor is the colour of a value in 0..1 in a [Heat] map: from yellow to red, and the
// more opaque the larger it is. That of 0 cannot be seen.
func HeatColor(v float32) color.NRGBA {
	v = max(0, min(v, 1))
	return color.NRGBA{R: uint8(255 - 40*v + 0.5), G: uint8(220*(1-v) + 0.5), B: uint8(30*v + 0.5), A: uint8(170*v + 0.5)}
}
