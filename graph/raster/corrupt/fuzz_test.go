package corrupt

import "testing"

// FuzzApply runs every corruption on pictures of any size and content.
func FuzzApply(f *testing.F) {
	for _, size := range [][3]byte{{0, 0, 0}, {0, 0, 30}, {2, 30, 0}, {1, 6, 4}, {2, 1, 1}, {0, 27, 27}, {2, 16, 14}, {3, 2, 60}} {
		f.Add(size[0], size[1], size[2], byte(0), uint64(1), []byte{0, 255, 7})
	}
	f.Fuzz(func(t *testing.T, c, h, w, severity byte, seed uint64, values []byte) {
		p := flat(int(c%4)+1, int(h%70)+1, int(w%70)+1, 0)
		for i := range p.Pix {
			if len(values) > 0 {
				p.Pix[i] = float32(values[i%len(values)]) / 255
			}
		}
		spoilt := []Picture{Rotate(p, float64(seed)), Shift(p, float64(h), float64(w)), Scale(p, float64(c)/2), Shear(p, float64(w)/9), Elastic(p, 34, float64(h)/9, seed)}
		for _, corruption := range all() {
			spoilt = append(spoilt, corruption.Apply(p, int(severity%6), seed))
		}
		for i, got := range spoilt {
			if got.C != p.C || got.H != p.H || got.W != p.W || got.Check() != nil {
				t.Fatalf("%d: got %d×%d×%d of %d×%d×%d", i, got.C, got.H, got.W, p.C, p.H, p.W)
			}
			for _, v := range got.Pix {
				if !(v >= 0 && v <= 1) {
					t.Fatalf("%d: a value of %g, want 0..1", i, v)
				}
			}
		}
	})
}

// BenchmarkApply measures one picture: a digit, or one of 32×32 in colour. No
// corruption should take many times what the others take.
func BenchmarkApply(b *testing.B) {
	for _, c := range all() {
		p := digits(b)[0]
		if c.Set == "common" {
			p = formula(3, 32, 32)
		}
		b.Run(c.String(), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				c.Apply(p, 0, uint64(i))
			}
		})
	}
}
