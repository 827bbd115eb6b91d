package raster

import "image"

// sourceOf reads a picture's colours in 16 bits, multiplied by alpha, as
// color.Color's RGBA has them. It has one channel, grey, three, red, green and
// blue, if the format knows no transparency, or alpha as a fourth.
func sourceOf(img image.Image) source {
	b := img.Bounds()
	s := source{h: b.Dy(), w: b.Dx(), channels: 4, white: 0xffff}
	switch img := img.(type) {
	case *image.Gray:
		s.channels, s.row = 1, greyRow(img)
	case *image.RGBA:
		s.row = rgbaRow(img)
	case *image.NRGBA:
		s.row = nrgbaRow(img)
	case *image.YCbCr:
		s.channels, s.row = 3, ycbcrRow(img)
	case image.RGBA64Image:
		s.row = func(y int, to []float64) {
			for x := range s.w {
				c := img.RGBA64At(b.Min.X+x, b.Min.Y+y)
				set(to[4*x:][:4], uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A))
			}
		}
	default:
		s.row = func(y int, to []float64) {
			for x := range s.w {
				r, g, b, a := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
				set(to[4*x:][:4], r, g, b, a)
			}
		}
	}
	return s
}

func set(to []float64, r, g, b, a uint32) {
	to[0], to[1], to[2], to[3] = float64(r), float64(g), float64(b), float64(a)
}

func greyRow(img *image.Gray) func(y int, to []float64) {
	return func(y int, to []float64) {
		for x, v := range img.Pix[y*img.Stride:][:len(to)] {
			to[x] = levels[v]
		}
	}
}

func rgbaRow(img *image.RGBA) func(y int, to []float64) {
	return func(y int, to []float64) {
		for i, v := range img.Pix[y*img.Stride:][:len(to)] {
			to[i] = levels[v]
		}
	}
}

func nrgbaRow(img *image.NRGBA) func(y int, to []float64) {
	return func(y int, to []float64) {
		line := img.Pix[y*img.Stride:][:len(to)]
		for i := 0; i < len(line); i += 4 {
			p := line[i:][:4]
			a := uint32(p[3]) * 0x101
			set(to[i:][:4], uint32(p[0])*a/0xff, uint32(p[1])*a/0xff, uint32(p[2])*a/0xff, a)
		}
	}
}

// ycbcrRow converts to 8 bits, as color.YCbCrToRGB, decoders of other languages
// and browsers do: all see the same picture in a JPEG file.
func ycbcrRow(img *image.YCbCr) func(y int, to []float64) {
	left, top := img.Rect.Min.X, img.Rect.Min.Y
	columns := make([]int32, img.Rect.Dx()) // of the colours, for each column of the picture
	for x := range columns {
		columns[x] = int32(img.COffset(left+x, top) - img.COffset(left, top))
	}
	return func(y int, to []float64) {
		light := img.Y[img.YOffset(left, top+y):][:len(columns)]
		first := img.COffset(left, top+y)
		blue, red := img.Cb[first:], img.Cr[first:]
		for x, c := range columns {
			yy, cb, cr := int(light[x])*0x10101, int(blue[c])-128, int(red[c])-128
			p := to[3*x:][:3]
			p[0] = levels[max(0, min((yy+91881*cr)>>16, 0xff))]
			p[1] = levels[max(0, min((yy-22554*cb-46802*cr)>>16, 0xff))]
			p[2] = levels[max(0, min((yy+116130*cb)>>16, 0xff))]
		}
	}
}

// levels[v] is the byte v in 16 bits.
var levels = func() (t [256]float64) {
	for v := range t {
		t[v] = float64(v * 0x101)
	}
	return t
}()
