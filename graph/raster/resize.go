package raster

import "math"

// kernel is the weight of a pixel at a distance from another's place. wider is
// how many times as wide the kernel is as it is drawn: a picture that becomes
// smaller has a wider one, so that every pixel counts. From wider·support on
// the weight is 0.
type kernel struct {
	support float64
	at      func(distance, wider float64) float64
}

// bilinear is linear interpolation between neighbours.
var bilinear = kernel{1, func(distance, wider float64) float64 { return 1 - distance/wider }}

// catmullRom is the cubic of Catmull and Rom 1974, "A Class of Local
// Interpolating Splines", which is sharper. It multiplies by 1/wider and does
// not divide by wider, as golang.org/x/image does: the last bits differ.
var catmullRom = kernel{2, func(distance, wider float64) float64 {
	t := distance * (1 / wider)
	switch {
	case t >= 2:
		return 0
	case t < 1:
		return float64((float64(1.5*t)-2.5)*t*t) + 1
	}
	return float64((float64(float64(float64(-0.5*t)+2.5)*t)-4)*t) + 2
}}

// share says how much the pixels of a line weigh in one pixel of the result:
// weights[n] belongs to pixel first+n.
type share struct {
	first   int
	weights []float64
	total   float64 // the sum of the weights
}

// shares returns the share of n pixels, from the given first one on, of a line of
// `to` pixels, which is made of a line of `from` pixels.
func (k kernel) shares(from, to, begin, n int) []share {
	ratio := float64(from) / float64(to)
	wider := max(ratio, 1)
	list := make([]share, n)
	all := make([]float64, 0, n*(int(2*k.support*wider)+2)) // the weights
	for i := range list {
		centre := float64((float64(begin+i)+0.5)*ratio) - 0.5
		first := max(int(math.Ceil(centre-float64(k.support*wider))), 0)
		end := min(int(math.Floor(centre+float64(k.support*wider)))+1, from)
		start, total := len(all), 0.0
		for at := first; at < end; at++ {
			weight := k.at(math.Abs(centre-float64(at)), wider)
			all, total = append(all, weight), total+weight
		}
		list[i] = share{first, all[start:], total}
	}
	return list
}

// normalised divides the weights by their sum.
func normalised(list []share) []share {
	for i, s := range list {
		for n := range s.weights {
			s.weights[n] /= s.total
		}
		list[i].total = 1
	}
	return list
}

// source is a picture that is read row by row.
type source struct {
	h, w, channels int
	white          float64                   // the largest value
	row            func(y int, to []float64) // writes (w,channels)
}

// scaler has the memory that scaling takes. The zero value is ready.
type scaler struct{ row, narrow, sums []float64 }

// resized is a picture with another size, as sums
// (len(down),len(across),channels) of values in 0..1 by the weights of down:
// divided by their totals they are the pixels. It goes through the rows that
// count once, and rounds each product and each sum by itself on every
// processor.
func (s *scaler) resized(from source, across, down []share) []float64 {
	n := len(across) * from.channels
	s.row, s.narrow, s.sums = sized(s.row, from.w*from.channels), sized(s.narrow, n), sized(s.sums, len(down)*n)
	clear(s.sums)
	open := 0 // the first row of the result that has more to come
	last := down[len(down)-1]
	for y := down[0].first; y < last.first+len(last.weights); y++ {
		from.row(y, s.row)
		for i, share := range across {
			share.weigh(s.narrow[i*from.channels:][:from.channels], s.row, from.white)
		}
		for open < len(down) && down[open].first+len(down[open].weights) <= y {
			open++
		}
		for j := open; j < len(down) && down[j].first <= y; j++ {
			addScaled(s.sums[j*n:][:n], s.narrow, down[j].weights[y-down[j].first])
		}
	}
	return s.sums
}

// weigh sets a pixel to the mean of a row's pixels by their weights.
func (s share) weigh(pixel, row []float64, white float64) {
	factor := 1 / s.total / white
	channels := len(pixel)
	row = row[s.first*channels:][:len(s.weights)*channels]
	var a, b, c, d float64 // a sum for each channel
	switch channels {
	case 1:
		for i, weight := range s.weights {
			a += float64(row[i] * weight)
		}
	case 3:
		for i, weight := range s.weights {
			p := (*[3]float64)(row[3*i:])
			a += float64(p[0] * weight)
			b += float64(p[1] * weight)
			c += float64(p[2] * weight)
		}
	case 4:
		for i, weight := range s.weights {
			p := (*[4]float64)(row[4*i:])
			a += float64(p[0] * weight)
			b += float64(p[1] * weight)
			c += float64(p[2] * weight)
			d += float64(p[3] * weight)
		}
	}
	sums := [...]float64{a, b, c, d}
	for i := range pixel {
		pixel[i] = sums[i] * factor
	}
}

// addScaled adds x, times a, to y.
func addScaled(y, x []float64, a float64) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] += float64(v * a)
	}
}
