package corrupt

import (
	"slices"
	"testing"
)

// TestPlace: it is Rotate without a shift, Shift without a turn, and both where one
// of them needs no interpolation.
func TestPlace(t *testing.T) {
	p := Picture{Pix: make([]float32, 2*15*18), C: 2, H: 15, W: 18}
	for i := range p.Pix { // what is in the middle stays in the picture
		if y, x := i/18%15, i%18; y > 4 && y < 10 && x > 5 && x < 12 {
			p.Pix[i] = float32(i*i*37%256) / 255
		}
	}
	tests := []struct {
		name            string
		degrees, dx, dy float64
		want            Picture
	}{
		{"nothing", 0, 0, 0, p},
		{"turn", 17, 0, 0, Rotate(p, 17)},
		{"shift", 0, 1.5, -2.25, Shift(p, 1.5, -2.25)},
		{"turn and whole pixels", -25, 2, -3, Shift(Rotate(p, -25), 2, -3)},
		{"half a turn and parts of pixels", 180, 0.5, 0.25, Shift(Rotate(p, 180), 0.5, 0.25)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Place(p, tt.degrees, tt.dx, tt.dy)
			if i := furthest(got.Pix, tt.want.Pix); max(got.Pix[i]-tt.want.Pix[i], tt.want.Pix[i]-got.Pix[i]) > 1.5/255 {
				t.Errorf("value %d is %v, want %v", i, got.Pix[i], tt.want.Pix[i])
			}
		})
	}
	wrong := Picture{Pix: p.Pix[:3], C: 1, H: 2, W: 2}
	if got := Place(wrong, 1, 2, 3); !slices.Equal(got.Pix, wrong.Pix) {
		t.Errorf("%v of a picture that is none, want it back", got.Pix)
	}
}

// furthest is the index of the largest difference.
func furthest(a, b []float32) (at int) {
	difference := func(i int) float32 { return max(a[i]-b[i], b[i]-a[i]) }
	for i := range a {
		if difference(i) > difference(at) {
			at = i
		}
	}
	return at
}
