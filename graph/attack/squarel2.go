package attack

import "math"

// bumps sets next to the clean picture plus Epsilon times a grid of five by five bumps,
// the sign of each and of each channel at random, cut to [0,1].
func (s *squareSearch) bumps() {
	side := max(1, min(s.h, s.w)/5)
	bump := s.bumpOf(side)
	for top := (s.h - s.h/side*side) / 2; top+side <= s.h; top += side {
		for left := (s.w - s.w/side*side) / 2; left+side <= s.w; left += side {
			for c := range s.c {
				sign := s.sign()
				for i, v := range bump {
					s.delta[(c*s.h+top+i/side)*s.w+left+i%side] = sign * v
				}
			}
		}
	}
	s.apply()
}

// windows changes next as the authors' program does (algorithm 3 of the paper): the
// distance that the clean picture's window 2 has is taken from it, and given to window
// 1 with whatever is left of Epsilon, in the shape of what window 1 has plus a bump.
func (s *squareSearch) windows(part float64) {
	side := max(int(math.Round(math.Sqrt(part*float64(s.h*s.w)))), 3)
	side = min(side+1-side%2, s.h, s.w)
	top, left := s.r.IntN(s.h-side+1), s.r.IntN(s.w-side+1)
	top2, left2 := s.r.IntN(s.h-side+1), s.r.IntN(s.w-side+1)
	var all float64
	for i, v := range s.best {
		s.delta[i] = float64(v) - float64(s.trial.clean[i])
		all += float64(s.delta[i] * s.delta[i])
	}
	unused := max(float64(s.Epsilon*s.Epsilon)-all, 0) / float64(s.c)
	s.mark(side, top, left, top2, left2)
	bump := s.bumpOf(side)
	for c := range s.c {
		length := math.Sqrt(unused + s.held(c))
		s.load(c, side, top, left)
		sign, old := s.sign(), 1e-12+norm64(s.window)
		for i, v := range s.window {
			s.window[i] = float64(sign*bump[i]) + v/old
		}
		scale := length / (1e-12 + norm64(s.window))
		s.set(c, side, top2, left2, 0)
		s.set(c, side, top, left, scale)
	}
	s.apply()
}

// mark sets inWindow to the pixels of two windows.
func (s *squareSearch) mark(side, top, left, top2, left2 int) {
	clear(s.inWindow)
	for i := range side * side {
		s.inWindow[(top+i/side)*s.w+left+i%side] = true
		s.inWindow[(top2+i/side)*s.w+left2+i%side] = true
	}
}

// held is the squared distance that a channel's pixels of the two windows have.
func (s *squareSearch) held(c int) (sum float64) {
	for i, in := range s.inWindow {
		if d := s.delta[c*s.h*s.w+i]; in {
			sum += float64(d * d)
		}
	}
	return sum
}

// load copies delta's pixels of a channel's window to window.
func (s *squareSearch) load(c, side, top, left int) {
	s.window = s.window[:0]
	for h := top; h < top+side; h++ {
		s.window = append(s.window, s.delta[(c*s.h+h)*s.w+left:][:side]...)
	}
}

// set sets delta's pixels of a channel's window to those of window, times scale.
func (s *squareSearch) set(c, side, top, left int, scale float64) {
	for i, v := range s.window {
		s.delta[(c*s.h+top+i/side)*s.w+left+i%side] = v * scale
	}
}

// apply sets next to the clean picture plus delta, made as long as Epsilon, cut to
// [0,1].
func (s *squareSearch) apply() {
	scale := s.Epsilon / (1e-12 + norm64(s.delta))
	for i, c := range s.trial.clean {
		s.next[i] = float32(float64(c) + float64(scale*s.delta[i]))
	}
	s.ball.project(s.next)
}

// sign is 1 or -1.
func (s *squareSearch) sign() float64 {
	return float64(int64(s.r.Uint64()&2)) - 1
}

// bumpOf is a window of length 1, half of it up and half down: pyramids of steps, one
// above the other or side by side, at random. It is good until the next call.
func (s *squareSearch) bumpOf(side int) []float64 {
	if s.side != side {
		s.bump, s.side = upright(side), side
	}
	if s.r.Uint64()&1 == 1 {
		for i := range side {
			for j := range i {
				s.bump[i*side+j], s.bump[j*side+i] = s.bump[j*side+i], s.bump[i*side+j]
			}
		}
	}
	return s.bump
}

// upright is a bump whose upper half is up, of length 1.
func upright(side int) []float64 {
	half := side / 2
	b := append(pyramid(half, side), pyramid(side-half, side)...)
	for i := half * side; i < len(b); i++ {
		b[i] = -b[i]
	}
	length := norm64(b)
	for i := range b {
		b[i] /= length
	}
	return b
}

// pyramid is a rectangle of length 1: the sum of rectangles about its middle, the k-th
// weighing 1/k², each a pixel wider on all sides than the one before.
func pyramid(height, width int) []float64 {
	p := make([]float64, height*width)
	top, left := height/2, width/2
	for k := range max(height, width)/2 + 1 {
		for h := max(top, 0); h < min(top+2*k+1, height); h++ {
			for w := max(left, 0); w < min(left+2*k+1, width); w++ {
				p[h*width+w] += 1 / float64((k+1)*(k+1))
			}
		}
		top--
		left--
	}
	if length := norm64(p); length > 0 {
		for i := range p {
			p[i] /= length
		}
	}
	return p
}

func norm64(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v * v)
	}
	return math.Sqrt(sum)
}
