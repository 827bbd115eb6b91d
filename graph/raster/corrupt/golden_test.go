package corrupt

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"testing"
)

// lcg makes the random fields of testdata/reference.py.
type lcg uint64

func (f *lcg) uniform() float64 {
	*f = *f*6364136223846793005 + 1442695040888963407
	return float64(*f>>11) / (1 << 53)
}

func (f *lcg) uniforms(n int) []float64 {
	u := make([]float64, n)
	for i := range u {
		u[i] = f.uniform()
	}
	return u
}

func (f *lcg) normals(n int) []float64 {
	z := f.uniforms(n)
	for i, u := range z {
		z[i] = normal(u)
	}
	return z
}

func (f *lcg) jumps(g glass, h, w int, half bool) (j jumps) {
	for range g.places(h, w) {
		j.take = append(j.take, !half || f.uniform() < 0.5)
		j.dx = append(j.dx, int(f.uniform()*float64(2*g.delta))-g.delta)
		j.dy = append(j.dy, int(f.uniform()*float64(2*g.delta))-g.delta)
	}
	return j
}

// digits are the three of testdata/digits.png: MNIST's test images 1 to 3.
func digits(t testing.TB) (all []Picture) {
	t.Helper()
	file, err := os.Open("testdata/digits.png")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	im, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 3 {
		p := flat(1, 28, 28, 0)
		for i := range p.Pix {
			p.Pix[i] = float32(im.At(i%28, 28*k+i/28).(color.Gray).Y) / 255
		}
		all = append(all, p)
	}
	return all
}

// colours is the colour picture of testdata/reference.py.
func colours() Picture {
	p := flat(3, 48, 64, 0)
	for i := range 48 * 64 {
		row, col := i/64, i%64
		for k, v := range []int{3*col + 2*row, row*col/8 + 90*(col/16), 255 - 4*col + (row-20)*(row-20)/4} {
			p.Pix[k*48*64+i] = float32(modulo(v, 256)) / 255
		}
	}
	return p
}

// goldenCase is a case of testdata/reference.py: one corruption with a given
// random field.
type goldenCase struct {
	what, name string
	apply      func(x *canvas, f *lcg)
}

var mnistCases = []goldenCase{
	{"digit", "shot_noise", func(x *canvas, f *lcg) { shotNoise(x, 3, f.uniforms(len(x.pix))) }},
	{"digit", "impulse_noise", func(x *canvas, f *lcg) { impulseNoise(x, 0.17, f.uniforms(len(x.pix)), f.uniforms(len(x.pix))) }},
	{"digit", "glass_blur", func(x *canvas, f *lcg) {
		g := glass{0.7, 1, 2, true}
		g.apply(x, f.jumps(g, x.h, x.w, true))
	}},
	{"digit", "glass_blur", func(x *canvas, f *lcg) {
		g := glass{1.5, 4, 2, true}
		g.apply(x, f.jumps(g, x.h, x.w, true))
	}},
	{"digit", "motion_blur", func(x *canvas, f *lcg) { x.motionBlur(10, 3, -31.5) }},
	{"digit", "motion_blur", func(x *canvas, f *lcg) { x.motionBlur(20, 15, 44) }},
	{"digit", "shear", func(x *canvas, f *lcg) { x.lean(0.4) }},
	{"digit", "shear", func(x *canvas, f *lcg) { x.lean(-1) }},
	{"digit", "scale", func(x *canvas, f *lcg) { x.affine(matrix{1 / 0.7, 0, 0, 1 / 0.7}.about(28, 28)) }},
	{"digit", "rotate", func(x *canvas, f *lcg) { x.rotate(0.4) }},
	{"digit", "rotate", func(x *canvas, f *lcg) { x.rotate(-0.4) }},
	{"digit", "brightness", func(x *canvas, f *lcg) { x.brighten(0.5) }},
	{"digit", "translate", func(x *canvas, f *lcg) { x.affine(map2{1, 0, 3, 0, 1, -3}) }},
	{"digit", "stripe", func(x *canvas, f *lcg) { x.stripe(7) }},
	{"digit", "fog", func(x *canvas, f *lcg) { x.fog(3, 256, plasma(256, 1.4, f.uniforms(256*256-1))) }},
	{"digit", "spatter_mud", func(x *canvas, f *lcg) {
		drops{0.65, 0.3, 1, 0.65, 1.5, true}.cover(x, f.normals(28*28), []float64{63.0 / 255})
	}},
	{"digit", "dotted_line", func(x *canvas, f *lcg) { x.dottedLine(4, 20, 1) }},
	{"digit", "zigzag", func(x *canvas, f *lcg) { x.zigzag(9, 13, 1) }},
	{"digit", "zigzag", func(x *canvas, f *lcg) { x.zigzag(20, 15, 1) }},
	{"digit", "canny_edges", func(x *canvas, f *lcg) { x.cannyEdges(1) }},
	{"digit", "contrast", func(x *canvas, f *lcg) { x.contrast(0.1) }},
	{"digit", "saturate_grey", func(x *canvas, f *lcg) { x.saturateGrey(20, 0.2) }},
	{"digit", "turn", func(x *canvas, f *lcg) { x.turn() }},
	{"digit", "jpeg_compression", func(x *canvas, f *lcg) { x.jpeg(7) }},
}

var commonCases = []goldenCase{
	{"colour", "gaussian_noise", func(x *canvas, f *lcg) { gaussianNoise(x, 0.12, f.normals(len(x.pix))) }},
	{"colour", "shot_noise", func(x *canvas, f *lcg) { shotNoise(x, 50, f.uniforms(len(x.pix))) }},
	{"colour", "impulse_noise", func(x *canvas, f *lcg) { impulseNoise(x, 0.05, f.uniforms(len(x.pix)), f.uniforms(len(x.pix))) }},
	{"colour", "speckle_noise", func(x *canvas, f *lcg) { speckleNoise(x, 0.25, f.normals(len(x.pix))) }},
	{"colour", "defocus_blur", func(x *canvas, f *lcg) { x.defocus(1.5, 0.1) }},
	{"colour", "defocus_blur", func(x *canvas, f *lcg) { x.defocus(10, 0.5) }},
	{"colour", "glass_blur", func(x *canvas, f *lcg) {
		g := glass{0.6, 1, 2, false}
		g.apply(x, f.jumps(g, x.h, x.w, false))
	}},
	{"colour", "motion_blur", func(x *canvas, f *lcg) { x.motionBlur(10, 2, 20) }},
	{"colour", "zoom_blur", func(x *canvas, f *lcg) { x.zoomBlur(steps(1.16, 0.01)) }},
	{"colour", "snow", func(x *canvas, f *lcg) {
		snowfall{0.15, 0.3, 1.75, 0.55, 10, 4, 0.7}.apply(x, -80, f.normals(x.h*x.w))
	}},
	{"colour", "fog", func(x *canvas, f *lcg) { x.fog(1, 64, plasma(64, 2.5, f.uniforms(64*64-1))) }},
	{"colour", "brightness", func(x *canvas, f *lcg) { x.brighten(0.3) }},
	{"colour", "contrast", func(x *canvas, f *lcg) { x.contrast(0.2) }},
	{"colour", "elastic_transform", func(x *canvas, f *lcg) {
		n := x.h * x.w
		x.elasticTransform(6.4, 1.92, 3.84, f.uniforms(6), f.uniforms(n), f.uniforms(n))
	}},
	{"colour", "pixelate", func(x *canvas, f *lcg) { x.pixelate(0.7) }},
	{"colour", "jpeg_compression", func(x *canvas, f *lcg) { x.jpeg(50) }},
	{"colour", "jpeg_compression", func(x *canvas, f *lcg) { x.jpeg(10) }},
	{"colour", "gaussian_blur", func(x *canvas, f *lcg) { x.blur(1.5) }},
	{"colour", "spatter_water", func(x *canvas, f *lcg) {
		drops{0.65, 0.3, 1, 0.69, 0.6, false}.wet(x, f.normals(x.h*x.w), turquoise)
	}},
	{"colour", "spatter_mud", func(x *canvas, f *lcg) {
		drops{0.65, 0.1, 0.7, 0.68, 0.6, true}.cover(x, f.normals(x.h*x.w), brown)
	}},
	{"colour", "saturate", func(x *canvas, f *lcg) { x.saturate(2, 0.1) }},
}

// TestGolden compares with what scikit-image, OpenCV, SciPy, Pillow and
// ImageMagick make of the same picture with the same random field; see
// testdata/reference.py. No value may be further off than 2 of 255.
func TestGolden(t *testing.T) {
	goldens := readGoldens(t)
	seen := 0
	for number, c := range append(append([]goldenCase(nil), mnistCases...), commonCases...) {
		pictures := []Picture{colours()}
		if c.what == "digit" {
			pictures = digits(t)
		}
		for k, p := range pictures {
			key := fmt.Sprintf("%d %s %s %d", number+1, c.what, c.name, k)
			want, ok := goldens[key]
			if !ok || len(want) != len(p.Pix) {
				t.Fatalf("%s: the goldens have %d values, want %d", key, len(want), len(p.Pix))
			}
			seen++
			x, f := newCanvas(p), lcg(100*(number+1)+k)
			c.apply(x, &f)
			far, worst := 0, 0.0
			for i, v := range x.picture().Pix {
				d := math.Abs(math.Round(float64(v)*255) - float64(want[i]))
				worst = max(worst, d)
				if d > 2 {
					far++
				}
			}
			if far > 0 {
				t.Errorf("%s: %d of %d values differ by more than 2 of 255, one by %g", key, far, len(want), worst)
			}
		}
	}
	if seen != len(goldens) {
		t.Errorf("%d cases for %d goldens", seen, len(goldens))
	}
}

func readGoldens(t *testing.T) (goldens map[string][]byte) {
	t.Helper()
	file, err := os.Open("testdata/goldens.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err == nil {
		err = json.NewDecoder(z).Decode(&goldens)
	}
	if err != nil {
		t.Fatal(err)
	}
	return goldens
}
