// Package scenes makes pictures that resemble photographs of kinds of places, so that
// everything about folders of photographs can be tried without any: forest, mountains,
// sea and town, and for a network to be trained on first four others, in any light, with
// noise, upright and across.
package scenes

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tapenet/graph/weights"
)

// Classes are kinds of scenes, and Others are more, for another dataset.
var (
	Classes = []string{"forest", "mountains", "sea", "town"}
	Others  = []string{"desert", "fields", "lake", "park"}

	all = slices.Concat(Classes, Others)
)

// Write writes n JPEG files of each of the classes, which are some of Classes and Others,
// into a folder of its own below dir. Equal seeds give equal pictures.
func Write(dir string, classes []string, n int, seed uint64) error {
	errs := make([]error, len(classes))
	var g sync.WaitGroup
	for i, class := range classes {
		g.Go(func() { errs[i] = write(dir, class, n, seed) })
	}
	g.Wait()
	return errors.Join(errs...)
}

// write writes the pictures of one class.
func write(dir, class string, n int, seed uint64) error {
	k := slices.Index(all, class)
	if k < 0 {
		return fmt.Errorf("scenes: class %q, want one of %q", class, all)
	}
	if err := os.MkdirAll(filepath.Join(dir, class), 0o755); err != nil {
		return err
	}
	for i := range n {
		img := Draw(k, rand.New(rand.NewPCG(seed, uint64(k*n+i))))
		file := filepath.Join(dir, class, fmt.Sprintf("%s-%03d.jpg", class, i))
		if err := weights.WriteFile(file, func(w io.Writer) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 88}) }); err != nil {
			return err
		}
	}
	return nil
}

// Draw draws a scene of a class, counted through Classes and then Others: 640×480 pixels,
// or every fourth 480×640.
func Draw(class int, r *rand.Rand) *image.NRGBA {
	s := &scene{w: 640, h: 480, r: r}
	if r.IntN(4) == 0 {
		s.w, s.h = s.h, s.w
	}
	s.pix = make([][3]float64, s.w*s.h)
	s.sky()
	[]func(){s.forest, s.mountains, s.sea, s.town, s.desert, s.fields, s.lake, s.park}[class]()
	return s.develop()
}

// scene is a picture that is being drawn, in light of 0 to 1.
type scene struct {
	w, h int
	pix  [][3]float64
	r    *rand.Rand
}

// between is a random number.
func (s *scene) between(low, high float64) float64 { return low + (high-low)*s.r.Float64() }

// tone is a random colour near another one.
func (s *scene) tone(red, green, blue, by float64) [3]float64 {
	return [3]float64{red + s.between(-by, by), green + s.between(-by, by), blue + s.between(-by, by)}
}

// set blends a pixel with a colour.
func (s *scene) set(x, y int, c [3]float64, share float64) {
	if x < 0 || x >= s.w || y < 0 || y >= s.h {
		return
	}
	p := &s.pix[y*s.w+x]
	for k := range p {
		p[k] += share * (c[k] - p[k])
	}
}

// field is smooth noise of 0 to 1 over the picture: cells so many pixels wide and high,
// and finer ones of half the size and weight.
func (s *scene) field(wide, high float64, octaves int) func(x, y int) float64 {
	type layer struct {
		wide, high, weight float64
		columns            int
		values             []float64
	}
	var layers []layer
	sum, weight := 0.0, 1.0
	for range octaves {
		l := layer{wide: max(1, wide), high: max(1, high), weight: weight}
		l.columns = int(float64(s.w)/l.wide) + 3
		l.values = make([]float64, l.columns*(int(float64(s.h)/l.high)+3))
		for i := range l.values {
			l.values[i] = s.r.Float64()
		}
		layers, sum = append(layers, l), sum+weight
		wide, high, weight = wide/2, high/2, weight/2
	}
	return func(x, y int) float64 {
		v := 0.0
		for _, l := range layers {
			fx, fy := float64(x)/l.wide, float64(y)/l.high
			col, row := int(fx), int(fy)
			fx, fy = fx-float64(col), fy-float64(row)
			fx, fy = fx*fx*(3-2*fx), fy*fy*(3-2*fy)
			at := l.values[row*l.columns+col:]
			under := l.values[(row+1)*l.columns+col:]
			v += l.weight * ((1-fy)*((1-fx)*at[0]+fx*at[1]) + fy*((1-fx)*under[0]+fx*under[1]))
		}
		return v / sum
	}
}

// sky fills the picture with a gradient and clouds.
func (s *scene) sky() {
	top, low := s.tone(0.4, 0.55, 0.8, 0.2), s.tone(0.8, 0.8, 0.85, 0.15)
	clouds, cover := s.field(200, 90, 4), s.between(0.4, 0.75)
	for y := range s.h {
		t := float64(y) / float64(s.h)
		for x := range s.w {
			c := [3]float64{}
			for k := range c {
				c[k] = top[k] + t*(low[k]-top[k])
			}
			s.set(x, y, c, 1)
			if v := clouds(x, y); v > cover {
				s.set(x, y, [3]float64{0.95, 0.95, 0.95}, min(1, 4*(v-cover)))
			}
		}
	}
}

// ridge is a line of hills: its height in pixels from above, by the column.
func (s *scene) ridge(height, rough float64, octaves int) func(x int) float64 {
	f := s.field(s.between(120, 260), 1e6, octaves)
	return func(x int) float64 { return float64(s.h) * (height + rough*(f(x, 0)-0.5)) }
}

// below fills what lies below a line.
func (s *scene) below(line func(x int) float64, c [3]float64, texture func(x, y int) float64, contrast float64) {
	for x := range s.w {
		for y := max(0, int(line(x))); y < s.h; y++ {
			v := 1 + contrast*(texture(x, y)-0.5)
			s.set(x, y, [3]float64{c[0] * v, c[1] * v, c[2] * v}, 1)
		}
	}
}

func (s *scene) forest() {
	s.below(s.ridge(s.between(0.05, 0.35), 0.1, 5), s.tone(0.2, 0.35, 0.15, 0.1), s.field(40, 40, 5), 1.4)
	s.below(s.ridge(s.between(0.65, 0.85), 0.05, 3), s.tone(0.3, 0.3, 0.15, 0.12), s.field(20, 8, 4), 0.8)
	for range 8 + s.r.IntN(18) { // trunks, the nearer the wider
		near := s.r.Float64()
		wide, foot := 5+near*near*40, float64(s.h)*(0.65+0.35*near)
		x0, lean := s.between(0, float64(s.w)), s.between(-0.06, 0.06)
		c, bark := s.tone(0.28, 0.2, 0.13, 0.1), s.field(4, 40, 3)
		for y := 0; float64(y) < foot; y++ {
			for dx := -wide / 2; dx < wide/2; dx++ {
				x := int(x0 + lean*(foot-float64(y)) + dx)
				if x >= 0 && x < s.w {
					v := 0.5 + bark(x, y) - 0.5*math.Abs(dx)/wide
					s.set(x, y, [3]float64{c[0] * v, c[1] * v, c[2] * v}, 0.95)
				}
			}
		}
	}
	leaves, edge, c := s.field(50, 35, 5), s.between(0.45, 0.6), s.tone(0.25, 0.45, 0.15, 0.15)
	for y := range s.h / 2 {
		for x := range s.w {
			if v := leaves(x, y); v > edge+0.25*float64(y)/float64(s.h) {
				s.set(x, y, [3]float64{c[0] * 2 * v, c[1] * 2 * v, c[2] * 2 * v}, 0.85)
			}
		}
	}
}

func (s *scene) mountains() {
	snow := s.between(0.25, 0.6)
	for i := range 3 {
		t := float64(i) / 2
		line := s.ridge(0.25+0.25*t+s.between(-0.05, 0.05), 0.55-0.15*t, 6)
		c, rock := s.tone(0.45-0.1*t, 0.45-0.1*t, 0.5-0.25*t, 0.08), s.field(30, 60, 5)
		s.below(line, c, rock, 0.9)
		for x := range s.w {
			for y := max(0, int(line(x))); y < int(snow*float64(s.h)) && i < 2; y++ {
				if rock(x, y) > 0.35+0.4*float64(y)/(snow*float64(s.h)) {
					s.set(x, y, [3]float64{0.92, 0.93, 0.97}, 0.9)
				}
			}
		}
	}
	s.below(s.ridge(s.between(0.8, 0.95), 0.05, 3), s.tone(0.3, 0.38, 0.2, 0.12), s.field(14, 8, 4), 0.7)
}

func (s *scene) sea() {
	horizon := s.between(0.3, 0.6)
	c, waves := s.tone(0.15, 0.35, 0.5, 0.15), s.field(s.between(40, 90), 7, 4)
	s.below(func(int) float64 { return horizon * float64(s.h) }, c, waves, 1.1)
	sun, shine := s.between(0.2, 0.8)*float64(s.w), s.between(0, 0.9)
	for y := int(horizon * float64(s.h)); y < s.h; y++ {
		reach := 15 + 0.4*(float64(y)-horizon*float64(s.h))
		for x := range s.w {
			if d := math.Abs(float64(x) - sun); d < reach && waves(x, y) > 0.5 {
				s.set(x, y, [3]float64{1, 0.95, 0.8}, shine*(1-d/reach))
			}
		}
	}
	if s.r.IntN(2) == 0 { // a beach
		s.below(s.ridge(s.between(0.75, 0.92), 0.1, 3), s.tone(0.75, 0.65, 0.45, 0.12), s.field(6, 4, 3), 0.3)
	}
}

func (s *scene) town() {
	ground := s.between(0.75, 0.9) * float64(s.h)
	for i := range 3 {
		t := float64(i) / 2
		for x := s.between(-60, 0); x < float64(s.w); {
			wide, high := s.between(50, 150), float64(s.h)*s.between(0.25, 0.65)*(1.1-0.45*t)
			s.house(int(x), int(ground-high), int(wide), int(high), 1-0.25*(1-t))
			x += wide * s.between(0.9, 1.5)
		}
	}
	s.below(func(int) float64 { return ground }, s.tone(0.4, 0.4, 0.42, 0.1), s.field(30, 5, 3), 0.4)
}

// house draws a front with rows of windows.
func (s *scene) house(x, y, w, h int, near float64) {
	wall, glass := s.tone(0.6, 0.5, 0.42, 0.25), s.tone(0.25, 0.28, 0.33, 0.15)
	rough, lit := s.field(12, 12, 3), s.between(0, 0.4)
	wide, high := 8+s.r.IntN(10), 10+s.r.IntN(12)
	for dy := range h {
		for dx := range w {
			v := 0.85 + 0.3*rough(max(0, min(x+dx, s.w-1)), max(0, min(y+dy, s.h-1)))
			s.set(x+dx, y+dy, [3]float64{wall[0] * v, wall[1] * v, wall[2] * v}, near)
		}
	}
	for row := high / 2; row+high < h; row += 2 * high {
		for col := wide / 2; col+wide < w; col += 2 * wide {
			c := glass
			if s.r.Float64() < lit {
				c = [3]float64{0.95, 0.85, 0.55}
			}
			for dy := range high {
				for dx := range wide {
					s.set(x+col+dx, y+row+dy, c, near)
				}
			}
		}
	}
}

// develop gives the scene its light, and the picture the faults of a camera.
func (s *scene) develop() *image.NRGBA {
	light := s.between(0.45, 1.15)
	tint := [3]float64{s.between(0.75, 1.2), s.between(0.85, 1.1), s.between(0.75, 1.2)}
	noise, vignette := s.between(0, 0.05), s.between(0, 0.5)
	img := image.NewNRGBA(image.Rect(0, 0, s.w, s.h))
	for y := range s.h {
		for x := range s.w {
			dx, dy := float64(x)/float64(s.w)-0.5, float64(y)/float64(s.h)-0.5
			shade := light * (1 - vignette*(dx*dx+dy*dy))
			c := s.pix[y*s.w+x]
			var b [3]uint8
			for k := range b {
				v := c[k]*tint[k]*shade + noise*s.r.NormFloat64()
				b[k] = uint8(255*max(0, min(v, 1)) + 0.5)
			}
			img.SetNRGBA(x, y, color.NRGBA{b[0], b[1], b[2], 255})
		}
	}
	return img
}
