package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/train/data"
)

// The sides of pictures on the page, in pixels.
const (
	exact = 96  // up to which a picture is there pixel by pixel
	large = 224 // to which a larger one is scaled down
)

// encode makes a picture part of the page: as PNG, or if it is larger than exact as a JPEG of
// at most large pixels a side.
func encode(img image.Image) (template.URL, error) {
	var b bytes.Buffer
	kind, err := "png", error(nil)
	if size := img.Bounds().Size(); max(size.X, size.Y) > exact {
		kind, err = "jpeg", jpeg.Encode(&b, smaller(img, large), &jpeg.Options{Quality: 85})
	} else {
		err = png.Encode(&b, img)
	}
	if err != nil {
		return "", err
	}
	return template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// smaller scales a picture whose longer side has more pixels than side down to it.
func smaller(img image.Image, side int) image.Image {
	size := img.Bounds().Size()
	longer := max(size.X, size.Y)
	if longer <= side {
		return img
	}
	w, h := max(1, size.X*side/longer), max(1, size.Y*side/longer)
	x := make([]float32, 3*h*w)
	if err := (raster.Preprocessing{Fit: raster.Stretch, Filter: raster.Linear}).Draw(x, img, 3, h, w); err != nil {
		return img // there is one to draw, and room for it
	}
	return photograph(x, [3]int{3, h, w}, data.Stats{})
}

// photo is a photograph as a part of the page.
func photo(x []float32, shape [3]int, stats data.Stats) (template.URL, error) {
	return encode(photograph(x, shape, stats))
}

// photograph is an image as it was before the stats were applied to it: three
// channels are colours, any other number gives grey. Values that are outside
// 0..1 then are stretched into it.
func photograph(x []float32, shape [3]int, stats data.Stats) *image.NRGBA {
	const rounding = 1e-4
	x = slices.Clone(x)
	stats.Undo(x)
	lo, hi := slices.Min(x), slices.Max(x)
	if lo >= -rounding && hi <= 1+rounding {
		lo, hi = 0, 1
	}
	value := func(v float32) byte { return byte(255*min(max((v-lo)/max(hi-lo, 1e-30), 0), 1) + 0.5) }
	return paint(x, shape, func(r, g, b float32) color.NRGBA {
		return color.NRGBA{value(r), value(g), value(b), 255}
	})
}

// draw draws planes as a part of the page.
func draw(x []float32, shape [3]int, pixel func(r, g, b float32) color.NRGBA) (template.URL, error) {
	return encode(paint(x, shape, pixel))
}

// paint draws planes: pixels gets the values of three channels, or three times
// the mean of any other number.
func paint(x []float32, shape [3]int, pixel func(r, g, b float32) color.NRGBA) *image.NRGBA {
	plane := shape[1] * shape[2]
	img := image.NewNRGBA(image.Rect(0, 0, shape[2], shape[1]))
	for i := range plane {
		if shape[0] == 3 {
			img.SetNRGBA(i%shape[2], i/shape[2], pixel(x[i], x[plane+i], x[2*plane+i]))
			continue
		}
		var mean float32
		for c := range shape[0] {
			mean += x[c*plane+i] / float32(shape[0])
		}
		img.SetNRGBA(i%shape[2], i/shape[2], pixel(mean, mean, mean))
	}
	return img
}

// maxFilters bounds the filters on the page.
const maxFilters = 64

// filters is the first layer's, if it is a convolution.
type filters struct {
	Name     string // of the parameter
	Shape    string
	Pictures []template.URL
	Of       int // filters in all
	Colour   bool
}

// newFilters draws the filters of a network whose first parameter is a
// convolution's, (filters,channels,height,width), else it returns nil.
func newFilters(m *graph.Model) *filters {
	params := m.Params()
	if len(params) == 0 || params[0].Value.Dims() != 4 || params[0].Value.Dtype() != tensor.Float32 {
		return nil
	}
	shape, x := params[0].Value.Shape(), params[0].Value.Float32s()
	one := [3]int{shape[1], shape[2], shape[3]}
	f := &filters{Name: params[0].Name, Shape: fmt.Sprint(shape), Of: shape[0], Colour: one[0] == 3}
	most := float32(1e-30)
	for _, v := range x {
		most = max(most, v, -v)
	}
	pixel := func(r, g, b float32) color.NRGBA { return diverging(r / most) }
	if f.Colour {
		value := func(v float32) byte { return byte(127.5 + 127.5*v/most) }
		pixel = func(r, g, b float32) color.NRGBA { return color.NRGBA{value(r), value(g), value(b), 255} }
	}
	size := len(x) / shape[0]
	for i := range min(maxFilters, shape[0]) {
		picture, err := draw(x[i*size:][:size], one, pixel)
		if err != nil {
			return nil
		}
		f.Pictures = append(f.Pictures, picture)
	}
	return f
}

// diverging is blue for -1, white for 0, red for 1.
func diverging(v float32) color.NRGBA {
	pale := func(full byte) byte { return byte(255 - max(v, -v)*float32(255-full)) }
	if v < 0 {
		return color.NRGBA{pale(0x1f), pale(0x77), pale(0xb4), 255}
	}
	return color.NRGBA{pale(0xd6), pale(0x27), pale(0x28), 255}
}
