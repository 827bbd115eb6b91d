package scenes

// desert is dunes, one behind another, with a light and a dark side.
func (s *scene) desert() {
	sand, ripples := s.tone(0.75, 0.58, 0.36, 0.1), s.field(60, 5, 3)
	for i := range 3 {
		t := float64(i) / 2
		crest, light := s.ridge(s.between(0.4, 0.5)+0.22*t, 0.3, 2), 0.75+0.25*t
		c := [3]float64{sand[0] * light, sand[1] * light, sand[2] * light}
		s.below(crest, c, ripples, 0.35)
		foot, dark := s.ridge(0.55+0.25*t, 0.25, 2), [3]float64{0.6 * c[0], 0.55 * c[1], 0.6 * c[2]}
		s.below(func(x int) float64 { return max(crest(x), foot(x)) }, dark, ripples, 0.25)
	}
}

// fields is a plain of strips in several colours, the nearer the wider.
func (s *scene) fields() {
	furrows := s.field(90, 4, 4)
	for y := s.between(0.35, 0.6); y < 1; y += (y - 0.25) * s.between(0.15, 0.5) {
		c := [][3]float64{s.tone(0.35, 0.45, 0.18, 0.1), s.tone(0.7, 0.6, 0.25, 0.1), s.tone(0.42, 0.32, 0.22, 0.08)}[s.r.IntN(3)]
		s.below(s.ridge(y, 0.03, 2), c, furrows, 0.7)
	}
}

// lake is water below wooded hills, which it mirrors, and a shore.
func (s *scene) lake() {
	level := s.between(0.4, 0.6) * float64(s.h)
	hills, wood := s.ridge(level/float64(s.h)-s.between(0.08, 0.2), 0.15, 4), s.field(10, 10, 3)
	c := s.tone(0.22, 0.33, 0.2, 0.08)
	s.below(hills, c, wood, 1)
	calm := s.field(160, 6, 3)
	s.below(func(int) float64 { return level }, s.tone(0.45, 0.55, 0.6, 0.12), calm, 0.35)
	for x := range s.w {
		for y := int(level); y < min(s.h, int(2*level-hills(x))); y++ {
			s.set(x, y, c, 0.3+0.4*calm(x, y))
		}
	}
	s.below(s.ridge(s.between(0.85, 0.97), 0.1, 4), s.tone(0.3, 0.35, 0.15, 0.1), s.field(8, 12, 3), 1)
}

// park is a lawn with a path and round trees.
func (s *scene) park() {
	ground := s.between(0.45, 0.65)
	s.below(func(int) float64 { return ground * float64(s.h) }, s.tone(0.35, 0.5, 0.2, 0.1), s.field(9, 5, 3), 0.5)
	for range 3 + s.r.IntN(6) {
		near := s.r.Float64()
		x0, foot := s.between(0, float64(s.w)), float64(s.h)*(ground+(1-ground)*0.7*near)
		radius := 30 + 70*near
		c, leaves := s.tone(0.22, 0.4, 0.14, 0.1), s.field(14, 14, 4)
		for y := int(foot - 2.6*radius); y < int(foot); y++ {
			for x := int(x0 - radius); x < int(x0+radius); x++ {
				dx, dy := (float64(x)-x0)/radius, (float64(y)-foot)/radius+1.7
				if inside := x >= 0 && x < s.w && y >= 0 && y < s.h; inside && dx*dx+1.3*dy*dy < 0.5+0.6*leaves(x, y) {
					v := 0.4 + 1.2*leaves(x, y)
					s.set(x, y, [3]float64{c[0] * v, c[1] * v, c[2] * v}, 1)
				} else if inside && dy > 0 && dx*dx < 0.01 {
					s.set(x, y, [3]float64{0.25, 0.18, 0.12}, 1)
				}
			}
		}
	}
}
