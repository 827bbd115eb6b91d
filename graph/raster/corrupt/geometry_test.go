package corrupt

import (
	"slices"
	"testing"
)

// spot returns a picture of 9×9 with one white pixel.
func spot(row, col int) Picture {
	p := flat(1, 9, 9, 0)
	p.Pix[row*9+col] = 1
	return p
}

// Movements whose result is known: whole pixels and right angles.
func TestMovements(t *testing.T) {
	for _, test := range []struct {
		name      string
		got, want Picture
	}{
		{"shift right and down", Shift(spot(4, 4), 2, 1), spot(5, 6)},
		{"shift out", Shift(spot(4, 4), 9, 0), flat(1, 9, 9, 0)},
		{"a quarter turn, clockwise", Rotate(spot(1, 4), 90), spot(4, 7)},
		{"half a turn", Rotate(spot(1, 3), 180), spot(7, 5)},
		{"many turns", Rotate(spot(1, 3), 360*5-90), spot(5, 1)},
		{"shear", Shear(spot(2, 4), 1), spot(2, 6)},
		{"shear keeps the centre", Shear(spot(4, 5), 3), spot(4, 5)},
		{"larger", Scale(spot(4, 4), 1), spot(4, 4)},
		{"nothing left", Scale(spot(3, 4), 0), flat(1, 9, 9, 0)},
		{"elastic by nothing", Elastic(spot(3, 4), 0, 4, 1), spot(3, 4)},
	} {
		if !slices.Equal(test.got.Pix, test.want.Pix) {
			t.Errorf("%s: got %v, want %v", test.name, test.got.Pix, test.want.Pix)
		}
	}
	if half := Shift(spot(4, 4), 0.5, 0); half.Pix[4*9+4] != half.Pix[4*9+5] || half.Pix[4*9+4] != float32(128)/255 {
		t.Errorf("half a pixel: %v, want two pixels of 128/255", half.Pix[4*9:][:9])
	}
	p := formula(3, 12, 17)
	if d := distance(p, Elastic(p, 34, 4, 1)); d == 0 {
		t.Error("elastic changes nothing")
	}
	if slices.Equal(Elastic(p, 34, 4, 1).Pix, Elastic(p, 34, 4, 2).Pix) {
		t.Error("elastic ignores the seed")
	}
}
