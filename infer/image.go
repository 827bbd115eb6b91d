package infer

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // formats that DecodeImage reads
	_ "image/jpeg" // …
	_ "image/png"  // …
	"io"
	"math"
	"slices"

	"golang.org/x/image/draw"
)

// maxPixels bounds the images that DecodeImage unpacks: a small file can claim
// any size.
const maxPixels = 64 << 20

// DecodeImage reads a PNG, JPEG or GIF file of at most 64 megapixels.
func DecodeImage(r io.Reader) (image.Image, error) {
	var head bytes.Buffer
	c, format, err := image.DecodeConfig(io.TeeReader(r, &head))
	if err != nil {
		return nil, fmt.Errorf("infer: not a PNG, JPEG or GIF image: %w", err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("infer: the %s image is %d×%d, want 1 to %d pixels", format, c.Width, c.Height, maxPixels)
	}
	img, _, err := image.Decode(io.MultiReader(&head, r))
	if err != nil {
		return nil, fmt.Errorf("infer: broken %s image: %w", format, err)
	}
	return img, nil
}

// PredictImages classifies pictures of any size and colour; see Pixels.
func (p *Predictor) PredictImages(images ...image.Image) ([]Prediction, error) {
	pixels := make([][]float32, len(images))
	for i, img := range images {
		var err error
		if pixels[i], err = p.Pixels(img); err != nil {
			return nil, fmt.Errorf("infer: image %d: %w", i, err)
		}
	}
	return p.Predict(pixels)
}

// Pixels turns a picture into the network's input.
//
// A network for grey images expects light strokes on a dark ground, as MNIST
// has them. A picture of the network's own size is only inverted, if its ground
// is the lighter. Any other is prepared as MNIST was: the ground becomes black,
// the strokes are cut out, scaled to 20/28 of the network's height and width,
// and put so that their centre of mass is in the middle.
//
// For a network with three channels, red, green and blue, the picture is
// scaled. Other networks have no pictures. Transparent pixels count as white.
func (p *Predictor) Pixels(img image.Image) ([]float32, error) {
	c, h, w := p.Input[0], p.Input[1], p.Input[2]
	if img.Bounds().Empty() {
		return nil, fmt.Errorf("the picture is empty")
	}
	switch c {
	case 1:
		g := grey(img)
		light := g.lighterGround()
		if g.h == h && g.w == w {
			if light {
				g.invert()
			}
			return g.v, nil
		}
		return g.digit(h, w, light)
	case 3:
		return rgb(img, h, w), nil
	}
	return nil, fmt.Errorf("the network takes %d channels, want 1 or 3 for pictures", c)
}

// rgb scales a picture to height h and width w, in planes.
func rgb(img image.Image, h, w int) []float32 {
	to := onWhite(img, image.Rect(0, 0, w, h))
	x := make([]float32, 3*h*w)
	for i := range h * w {
		for c := range 3 {
			x[c*h*w+i] = float32(to.Pix[4*i+c]) / 255
		}
	}
	return x
}

// onWhite draws a picture, scaled to size, over white.
func onWhite(img image.Image, size image.Rectangle) *image.RGBA {
	to := image.NewRGBA(size)
	draw.Draw(to, size, image.White, image.Point{}, draw.Src)
	if img.Bounds().Size() == size.Size() {
		draw.Draw(to, size, img, img.Bounds().Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(to, size, img, img.Bounds(), draw.Over, nil)
	}
	return to
}

// plane is a grey picture with values in 0..1.
type plane struct {
	h, w int
	v    []float32
}

func grey(img image.Image) plane {
	size := img.Bounds().Size()
	p := plane{h: size.Y, w: size.X, v: make([]float32, size.X*size.Y)}
	flat := onWhite(img, image.Rect(0, 0, size.X, size.Y))
	for i := range p.v {
		c := color.RGBA{R: flat.Pix[4*i], G: flat.Pix[4*i+1], B: flat.Pix[4*i+2], A: 255}
		p.v[i] = float32(color.GrayModel.Convert(c).(color.Gray).Y) / 255
	}
	return p
}

// ground is the median of the picture's border.
func (p plane) ground() float32 {
	border := slices.Concat(p.v[:p.w], p.v[len(p.v)-p.w:])
	for i := range p.h {
		border = append(border, p.v[i*p.w], p.v[i*p.w+p.w-1])
	}
	slices.Sort(border)
	return border[len(border)/2]
}

// lighterGround reports whether the ground is lighter than what is on it.
func (p plane) lighterGround() bool {
	ground := p.ground()
	return ground-slices.Min(p.v) > slices.Max(p.v)-ground
}

func (p plane) invert() {
	for i, v := range p.v {
		p.v[i] = 1 - v
	}
}

// digit prepares strokes on a ground as MNIST did.
func (p plane) digit(h, w int, light bool) ([]float32, error) {
	ink := p.ink(light)
	if ink == nil {
		return nil, fmt.Errorf("the picture is blank: all pixels are alike")
	}
	box := ink.box()
	scale := min(float64(h)*20/28/float64(box.Dy()), float64(w)*20/28/float64(box.Dx()))
	small := ink.scale(box, max(1, int(math.Round(scale*float64(box.Dy())))), max(1, int(math.Round(scale*float64(box.Dx())))))
	y, x := small.centre()
	return small.place(h, w, int(math.Round(float64(h)/2-y)), int(math.Round(float64(w)/2-x))), nil
}

// faint is the share of the strongest stroke below which a pixel is noise.
const faint = 0.15

// ink is the picture with its ground at 0 and its strongest stroke at 1, or nil
// if there is no stroke.
func (p plane) ink(light bool) *plane {
	ground := p.ground()
	ink := plane{h: p.h, w: p.w, v: make([]float32, len(p.v))}
	for i, v := range p.v {
		if light {
			ink.v[i] = max(ground-v, 0)
		} else {
			ink.v[i] = max(v-ground, 0)
		}
	}
	top := slices.Max(ink.v)
	if top < 0.02 { // five of 255 levels
		return nil
	}
	for i, v := range ink.v {
		if ink.v[i] = v / top; ink.v[i] < faint {
			ink.v[i] = 0
		}
	}
	return &ink
}

// box is the smallest rectangle with all strokes.
func (p plane) box() image.Rectangle {
	var box image.Rectangle
	for y := range p.h {
		for x := range p.w {
			if p.v[y*p.w+x] > 0 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// scale returns the part of the picture in box with another size.
func (p plane) scale(box image.Rectangle, h, w int) plane {
	from := image.NewGray16(image.Rect(0, 0, p.w, p.h))
	for i, v := range p.v {
		from.SetGray16(i%p.w, i/p.w, color.Gray16{Y: uint16(v * 65535)})
	}
	to := image.NewGray16(image.Rect(0, 0, w, h))
	draw.BiLinear.Scale(to, to.Bounds(), from, box, draw.Src, nil)
	s := plane{h: h, w: w, v: make([]float32, h*w)}
	for i := range s.v {
		s.v[i] = float32(to.Gray16At(i%w, i/w).Y) / 65535
	}
	return s
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

// place puts the picture into an empty one of another size, at the given
// offset; what would lie outside is moved inside.
func (p plane) place(h, w, top, left int) []float32 {
	top, left = max(0, min(top, h-p.h)), max(0, min(left, w-p.w))
	v := make([]float32, h*w)
	for y := range min(p.h, h) {
		copy(v[(top+y)*w+left:][:min(p.w, w-left)], p.v[y*p.w:])
	}
	return v
}
