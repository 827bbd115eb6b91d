package raster

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"math"
	"slices"
)

// visible is the least difference of brightness, of 255 levels, that counts as
// a stroke.
const visible = 5

// faint is the share of the strongest stroke below which a pixel is noise.
const faint = 0.15

// vanished is the value below which the strongest stroke of a picture that was
// made smaller counts as none.
const vanished = 1.0 / 65535

// strokes turns a picture into light strokes on black, of height h and width w,
// as MNIST has them. One of that size is only inverted, if its ground is the
// lighter. Of any other the ground becomes black, the strokes are cut out,
// scaled to 20/28 of height and width, and put so that their centre of mass is
// in the middle. Transparent pixels count as white, or as black if nothing
// could be seen on white.
func strokes(img image.Image, h, w int) ([]float32, error) {
	x, _, _, err := strokesAt(img, h, w)
	return x, err
}

// strokesAt is strokes, and which part of the picture was scaled and placed, and how.
func strokesAt(img image.Image, h, w int) (x []float32, box image.Rectangle, f frame, err error) {
	g := grey(img, image.White)
	if contrast(g) < visible { // white strokes on a transparent ground?
		g = grey(img, image.Black)
	}
	if contrast(g) < visible {
		return nil, box, f, errors.New("the picture is blank: all pixels are alike")
	}
	level := ground(g)
	if level-slices.Min(g.Pix) > slices.Max(g.Pix)-level {
		invert(g)
		level = 255 - level
	}
	if g.Rect.Dy() == h && g.Rect.Dx() == w {
		return unit(g.Pix), g.Rect, frame{h: h, w: w}, nil
	}
	return digit(g, level, h, w)
}

// grey draws a picture over a ground.
func grey(img, ground image.Image) *image.Gray {
	g := image.NewGray(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(g, g.Rect, ground, image.Point{}, draw.Src)
	draw.Draw(g, g.Rect, img, img.Bounds().Min, draw.Over)
	return g
}

// contrast is the difference between the lightest and the darkest pixel.
func contrast(g *image.Gray) uint8 { return slices.Max(g.Pix) - slices.Min(g.Pix) }

// ground is the median of the picture's border.
func ground(g *image.Gray) uint8 {
	h, w := g.Rect.Dy(), g.Rect.Dx()
	border := slices.Concat(g.Pix[:w], g.Pix[(h-1)*w:])
	for y := range h {
		border = append(border, g.Pix[y*w], g.Pix[y*w+w-1])
	}
	slices.Sort(border)
	return border[len(border)/2]
}

func invert(g *image.Gray) {
	for i, v := range g.Pix {
		g.Pix[i] = 255 - v
	}
}

// unit scales pixels to 0..1.
func unit(pix []uint8) []float32 {
	x := make([]float32, len(pix))
	for i, v := range pix {
		x[i] = values[v]
	}
	return x
}

// digit prepares light strokes on a ground of the given level as MNIST did. It
// overwrites g. The result has what is in box, as f says.
func digit(g *image.Gray, level uint8, h, w int) (x []float32, box image.Rectangle, f frame, err error) {
	if size := g.Rect.Size(); min(size.X, size.Y) < 2 {
		return nil, box, f, fmt.Errorf("the picture is %d×%d pixels, want 2×2 or more", size.X, size.Y)
	}
	cut(g, level)
	box = inked(g)
	scale := min(float64(h)/float64(box.Dy()), float64(w)/float64(box.Dx())) * 20 / 28
	length := func(n int) int { return max(1, int(math.Round(scale*float64(n)))) }
	small := scaled(g, box, length(box.Dy()), length(box.Dx()))
	most := slices.Max(small.v)
	if most < vanished {
		return nil, box, f, errors.New("the strokes are too thin for the picture's size")
	}
	for i := range small.v { // thin strokes became grey
		small.v[i] /= most
	}
	cy, cx := small.centre() // MNIST has it in the middle of pixel h/2, w/2
	top, left := small.offset(h, w, int(math.Round(float64(h+1)/2-cy)), int(math.Round(float64(w+1)/2-cx)))
	return small.place(h, w, top, left), box, frame{h: small.h, w: small.w, top: -top, left: -left}, nil
}

// cut sets all but the strokes to 0.
func cut(g *image.Gray, level uint8) {
	least := faint * float32(slices.Max(g.Pix)-level)
	for i, v := range g.Pix {
		if v = max(v, level) - level; float32(v) < least {
			v = 0
		}
		g.Pix[i] = v
	}
}

// inked is the smallest rectangle with all pixels above 0.
func inked(g *image.Gray) image.Rectangle {
	var box image.Rectangle
	for i, v := range g.Pix {
		if v > 0 {
			x, y := i%g.Stride, i/g.Stride
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	return box
}

// plane is a grey picture with values in 0..1.
type plane struct {
	h, w int
	v    []float32
}

// scaled is the part of a picture in box, with another size.
func scaled(g *image.Gray, box image.Rectangle, h, w int) plane {
	from := source{h: box.Dy(), w: box.Dx(), channels: 1, white: 1, row: func(y int, to []float64) {
		for x := range to {
			to[x] = float64(g.GrayAt(box.Min.X+x, box.Min.Y+y).Y) / 255
		}
	}}
	p := plane{h, w, make([]float32, h*w)}
	across, down := normalised(bilinear.shares(from.w, w, 0, w)), normalised(bilinear.shares(from.h, h, 0, h))
	for i, v := range new(scaler).resized(from, across, down) {
		p.v[i] = float32(v)
	}
	return p
}

// centre is the centre of mass.
func (p plane) centre() (y, x float64) {
	var mass float64
	for i, v := range p.v {
		m := float64(v)
		mass += m
		y += m * (float64(i/p.w) + 0.5)
		x += m * (float64(i%p.w) + 0.5)
	}
	return y / mass, x / mass
}

// offset is where the picture goes in one of another size: at the given offset, or if it
// would stick out as near to it as it fits.
func (p plane) offset(h, w, top, left int) (y, x int) {
	return max(0, min(top, h-p.h)), max(0, min(left, w-p.w))
}

// place puts the picture into an empty one of another size.
func (p plane) place(h, w, top, left int) []float32 {
	v := make([]float32, h*w)
	for y := range min(p.h, h) {
		copy(v[(top+y)*w+left:][:min(p.w, w-left)], p.v[y*p.w:])
	}
	return v
}
