package corrupt

import "math"

// drops is what spatter does: the mean and deviation of the random numbers that
// make the liquid, the deviation of the Gaussian that makes drops of them, the
// threshold above which there is one, and for mud the deviation of another
// Gaussian, for water the strength.
type drops struct {
	mean, deviation, sigma, threshold, last float64
	mud                                     bool
}

// liquid returns the drops of the normal numbers z: 0 where there is none.
func (d drops) liquid(z []float64, h, w int) []float64 {
	v := make([]float64, len(z))
	for i := range z {
		v[i] = d.mean + float64(d.deviation*z[i])
	}
	v = gaussian(v, h, w, d.sigma, 4, nearest)
	for i := range v {
		if v[i] < d.threshold {
			v[i] = 0
		}
	}
	return v
}

// cover covers the picture with drops of a colour, one value a channel.
func (d drops) cover(x *canvas, z []float64, colour []float64) {
	m := d.liquid(z, x.h, x.w)
	for i, v := range m {
		m[i] = 0
		if v > d.threshold {
			m[i] = 1
		}
	}
	m = gaussian(m, x.h, x.w, d.last, 4, nearest)
	for k := range x.c {
		v, c := x.plane(k), colour[k%len(colour)]
		for i := range v {
			if m[i] >= 0.8 {
				v[i] = clip(float64(v[i]*(1-m[i])) + float64(c*m[i]))
			}
		}
	}
}

// wet lays clear drops over the picture, of a colour, one value a channel, and
// the strength last. The drops are brightest a little beside their rims. Between
// the random field and the drops everything is in bytes, as in ImageNet-C's code,
// which has OpenCV do it.
func (d drops) wet(x *canvas, z []float64, colour []float64) {
	liquid := d.liquid(z, x.h, x.w)
	bytes := make([]int, len(liquid))
	for i, v := range liquid {
		bytes[i] = int(clip(v) * 255)
	}
	shade := shading(bytes, x.h, x.w)
	largest := 0
	for i, v := range bytes {
		bytes[i] = v * shade[i]
		largest = max(largest, bytes[i])
	}
	if largest == 0 {
		return
	}
	for k := range x.c {
		v, c := x.plane(k), colour[k%len(colour)]
		for i := range v {
			m := float64(bytes[i]) / float64(largest) * d.last
			v[i] = clip(v[i] + float64(m*c))
		}
	}
}

// shading returns how bright drops are, 0 to 255: the distance from their rims, of
// at most 20 pixels, with all brightnesses made equally frequent, in relief.
func shading(drops []int, h, w int) []int {
	distances := distance5(sharpEdges(drops, h, w, 50, 150), h, w)
	relief := make([]int, len(drops))
	box := func(at func(row, col int) float64, row, col int) (sum float64) {
		for i := range 9 {
			sum += at(mirrored.index(row+i/3-1, h), mirrored.index(col+i%3-1, w))
		}
		return sum
	}
	for i := range relief {
		near := func(row, col int) float64 { return float64(float32(min(distances[row*w+col], 20))) }
		relief[i] = int(float32(box(near, i/w, i%w) * (1.0 / 9)))
	}
	equalise(relief)
	cut := make([]int, len(relief))
	for i := range cut {
		sum := 0
		for j, weight := range [9]int{-2, -1, 0, -1, 1, 1, 0, 1, 2} {
			sum += weight * relief[mirrored.index(i/w+j/3-1, h)*w+mirrored.index(i%w+j%3-1, w)]
		}
		cut[i] = max(0, min(sum, 255))
	}
	for i := range relief {
		relief[i] = int(math.RoundToEven(box(func(row, col int) float64 { return float64(cut[row*w+col]) }, i/w, i%w) * (1.0 / 9)))
	}
	return relief
}

// equalise makes the values, 0 to 255, about equally frequent.
func equalise(v []int) {
	var count, to [256]int
	for _, value := range v {
		count[value]++
	}
	first := 0
	for count[first] == 0 {
		first++
	}
	if count[first] == len(v) {
		return
	}
	scale, sum := 255/float32(len(v)-count[first]), 0
	for i := first + 1; i < 256; i++ {
		sum += count[i]
		to[i] = min(255, int(math.RoundToEven(float64(float32(sum)*scale))))
	}
	for i, value := range v {
		v[i] = to[value]
	}
}

// distance5 returns the distance of each place from the nearest one in from, by
// steps to the 16 nearest places, as lengths of 1, 1.4 and 2.1969 (Borgefors 1986,
// "Distance transformations in digital images"), in 1/65536.
func distance5(from []bool, h, w int) []float64 {
	const straight, diagonal, knight, far = 65536, 91750, 143976, 1 << 29
	d := make([]int, h*w)
	for i := range d {
		if d[i] = far; from[i] {
			d[i] = 0
		}
	}
	steps := [8][3]int{{-2, -1, knight}, {-2, 1, knight}, {-1, -2, knight}, {-1, -1, diagonal}, {-1, 0, straight}, {-1, 1, diagonal}, {-1, 2, knight}, {0, -1, straight}}
	pass := func(i, sign int) {
		for _, s := range steps {
			row, col := i/w+sign*s[0], i%w+sign*s[1]
			if row >= 0 && row < h && col >= 0 && col < w {
				d[i] = min(d[i], d[row*w+col]+s[2])
			}
		}
	}
	for i := range d {
		pass(i, 1)
	}
	for i := len(d) - 1; i >= 0; i-- {
		pass(i, -1)
	}
	to := make([]float64, len(d))
	for i, v := range d {
		to[i] = float64(v) / 65536
	}
	return to
}
