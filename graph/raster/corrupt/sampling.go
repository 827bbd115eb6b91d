package corrupt

import "math"

// defocusTaps returns a disk with a radius, softened by a Gaussian: the kernel of
// ImageNet-C's defocus blur. The disk is made of whole pixels, up to eight away
// from the middle, or up to the radius if it is larger, and what the Gaussian
// would put beyond that comes back from there.
func defocusTaps(radius, soft float64) []tap {
	reach, width := 8, 3
	if radius > 8 {
		reach, width = int(radius), 5
	}
	n := 2*reach + 1
	disk, count := make([]float64, n*n), 0.0
	for i := range disk {
		y, x := float64(i/n-reach), float64(i%n-reach)
		if float64(y*y)+float64(x*x) <= float64(radius*radius) {
			disk[i] = 1
			count++
		}
	}
	k := bell(soft, (float64(width/2)-0.1)/soft) // width weights
	disk = alongRows(alongColumns(disk, n, n, k, mirrored), n, n, k, mirrored)
	var taps []tap
	for i, v := range disk {
		if v != 0 {
			taps = append(taps, tap{i/n - reach, i%n - reach, v / count})
		}
	}
	return taps
}

func (x *canvas) defocus(radius, soft float64) {
	taps := defocusTaps(radius, soft)
	x.each(func(v []float64) []float64 { return correlate(v, x.h, x.w, taps, mirrored) })
}

// steps returns numpy's arange(1, stop, step).
func steps(stop, step float64) (all []float64) {
	delta := (1 + step) - 1
	for i := range int(math.Ceil((stop - 1) / step)) {
		all = append(all, 1+float64(float64(i)*delta))
	}
	return all
}

// zoomBlur makes the picture the mean of itself and of what is seen closer, by
// each of the factors.
func (x *canvas) zoomBlur(factors []float64) {
	n := float64(len(factors) + 1)
	x.each(func(v []float64) []float64 {
		sum := append([]float64(nil), v...)
		for _, f := range factors {
			for i, value := range zoomed(v, x.h, x.w, f) {
				sum[i] += value
			}
		}
		for i := range sum {
			sum[i] /= n
		}
		return sum
	})
}

// zoomed returns the middle of the picture, factor ≥ 1 times as large and cut to
// the old size: the clipped_zoom of ImageNet-C's code.
func zoomed(v []float64, h, w int, factor float64) []float64 {
	rows, cols := zoomPlaces(h, factor), zoomPlaces(w, factor)
	to := make([]float64, len(v))
	for i := range to {
		to[i] = bilinear(v, h, w, rows[i/w], cols[i%w], nearest)
	}
	return to
}

// zoomPlaces returns where each of n pixels comes from. ⌈n/factor⌉ pixels of the
// middle are stretched to factor times as many, the first and the last being kept.
func zoomPlaces(n int, factor float64) []float64 {
	in := int(math.Ceil(float64(n) / factor))
	out := int(math.RoundToEven(float64(in) * factor))
	first, cut := (n-in)/2, (out-n)/2
	pace := 0.0
	if out > 1 {
		pace = float64(in-1) / float64(out-1)
	}
	places := make([]float64, n)
	for i := range places {
		places[i] = float64(first) + min(float64(float64(i+cut)*pace), float64(in-1))
	}
	return places
}

// pixelate makes the picture smaller by a factor below 1, each pixel the mean of
// those that it covers, and larger again. Values are rounded to multiples of 1/255
// after each direction, as Pillow does.
func (x *canvas) pixelate(factor float64) {
	h, w := max(1, int(float64(x.h)*factor)), max(1, int(float64(x.w)*factor))
	x.each(func(v []float64) []float64 {
		v = transpose(boxed(v, x.h, x.w, w), x.h, w)
		v = boxed(v, w, x.h, h)
		v = boxed(transpose(v, w, h), h, w, x.w)
		return transpose(boxed(transpose(v, h, x.w), x.w, h, x.h), x.w, x.h)
	})
}

// boxed returns rows of n values: each the mean of the old ones whose middles are
// less than half a new pixel away, or of the one there is.
func boxed(v []float64, h, w, n int) []float64 {
	to := make([]float64, h*n)
	ratio := float64(w) / float64(n)
	reach := float64(0.5 * max(ratio, 1))
	for i := range n {
		centre := float64((float64(i) + 0.5) * ratio)
		first, last := max(0, int(centre-reach+0.5)), min(w, int(centre+reach+0.5))
		for row := range h {
			sum := 0.0
			for _, value := range v[row*w+first : row*w+last] {
				sum += value
			}
			to[row*n+i] = toByte(sum/float64(last-first)) / 255
		}
	}
	return to
}

// transpose returns the columns of h rows and w columns as rows.
func transpose(v []float64, h, w int) []float64 {
	to := make([]float64, len(v))
	for i, value := range v {
		to[i%w*h+i/w] = value
	}
	return to
}

// elasticTransform is ImageNet-C's: three corners of a square in the middle, a
// third as wide as the picture, move by up to jolt pixels each and take the picture
// with them; then it is deformed as by [Elastic]. corners are uniform numbers, the
// x and the y of (right, bottom), (right, top) and (left, top); u and v are those
// of the displacements to the right and down.
func (x *canvas) elasticTransform(alpha, sigma, jolt float64, corners, u, v []float64) {
	x.affineEdge(jolted(x.h, x.w, jolt, corners), mirrored)
	dx, dy := field(u, x.h, x.w, alpha, sigma), field(v, x.h, x.w, alpha, sigma)
	x.displace(dy, dx, reflected)
}

// jolted returns the inverse of the affine map that moves the corners.
func jolted(h, w int, jolt float64, corners []float64) map2 {
	cx, cy, s := float64(w/2), float64(h/2), float64(min(h, w)/3)
	if s == 0 {
		return map2{1, 0, 0, 0, 1, 0}
	}
	var by [6]float64
	for i := range by {
		by[i] = float64(jolt * (float64(2*corners[i]) - 1))
	}
	// The map is (x,y) + the first corner's movement + what changes from it.
	a, b := 1+(by[2]-by[4])/(2*s), (by[0]-by[2])/(2*s)
	d, e := (by[3]-by[5])/(2*s), 1+(by[1]-by[3])/(2*s)
	x0, y0 := cx+s, cy+s
	c, f := x0+by[0]-float64(a*x0)-float64(b*y0), y0+by[1]-float64(d*x0)-float64(e*y0)
	det := float64(a*e) - float64(b*d)
	if math.Abs(det) < 1e-6 { // the corners are on one line
		return map2{1, 0, 0, 0, 1, 0}
	}
	return map2{
		e / det, -b / det, (float64(b*f) - float64(e*c)) / det,
		-d / det, a / det, (float64(d*c) - float64(a*f)) / det,
	}
}
