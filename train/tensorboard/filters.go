package tensorboard

import (
	"image"
	"image/color"
	"math"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// firstFilters returns the weight of the first layer, if that is a convolution
// of grey images or of red, green and blue: (filters,channels,height,width), or
// nil.
func firstFilters(net *graph.Network) (*tensor.Dense, error) {
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return nil, err
	}
	for _, p := range m.Params() {
		s := p.Value.Shape()
		if len(s) == 4 && s[1] == net.Input[0] && (s[1] == 1 || s[1] == 3) {
			return p.Value, nil
		}
		if len(s) > 1 {
			break // another kind of first layer
		}
	}
	return nil, nil
}

const (
	zoom = 8 // pixels of the picture for each weight
	gap  = 2 // pixels between filters
)

// draw shows filters side by side in about a square: black is the most negative
// weight of all, white as much above 0, which is grey.
func draw(filters *tensor.Dense) image.Image {
	s, w := filters.Shape(), filters.Float32s()
	n, channels, h, width := s[0], s[1], s[2], s[3]
	var top float32
	for _, v := range w {
		top = max(top, v, -v)
	}
	columns := int(math.Ceil(math.Sqrt(float64(n))))
	rows := (n + columns - 1) / columns
	cellH, cellW := h*zoom+gap, width*zoom+gap
	img := image.NewRGBA(image.Rect(0, 0, columns*cellW-gap, rows*cellH-gap))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	level := func(f, c, y, x int) uint8 {
		v := w[((f*channels+c%channels)*h+y)*width+x]
		return uint8(math.Round(127.5 + 127.5*float64(v/max(top, 1e-30))))
	}
	for f := range n {
		for y := range h * zoom {
			for x := range width * zoom {
				p := color.RGBA{level(f, 0, y/zoom, x/zoom), level(f, 1, y/zoom, x/zoom), level(f, 2, y/zoom, x/zoom), 255}
				img.SetRGBA(f%columns*cellW+x, f/columns*cellH+y, p)
			}
		}
	}
	return img
}
