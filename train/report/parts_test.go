package report

import (
	"image/color"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph/metric"
	"tapenet/train"
	"tapenet/train/data"
)

// TestCharts: every value is inside the frame, and few ticks mark each axis.
func TestCharts(t *testing.T) {
	tests := []struct {
		name   string
		epochs int
		value  func(i int) float64
		y      []string // labels, nil for any
	}{
		{"one epoch", 1, func(int) float64 { return 0.75 }, nil},
		{"zero", 3, func(int) float64 { return 0 }, []string{"0", "1"}},
		{"constant", 3, func(int) float64 { return 0.001 }, []string{"0", "2e-4", "4e-4", "6e-4", "8e-4", "1.0e-3"}},
		{"falling", 10, func(i int) float64 { return 1 / float64(i+1) }, []string{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{"nearly constant", 4, func(i int) float64 { return 0.98 + 0.001*float64(i) }, []string{"0.980", "0.981", "0.982", "0.983"}},
		{"negative", 5, func(i int) float64 { return float64(-i) }, []string{"-4", "-3", "-2", "-1", "0"}},
		{"learning rate", 5, func(i int) float64 { return 2e-5 * float64(i) }, []string{"0", "2e-5", "4e-5", "6e-5", "8e-5"}},
		{"fine", 4, func(i int) float64 { return 0.98 + 0.00001*float64(i) }, []string{"0.98000", "0.98001", "0.98002", "0.98003"}},
		{"finest", 3, func(i int) float64 { return 0.98 + 1e-7*float64(i) }, []string{"0.98000000", "0.98000005", "0.98000010", "0.98000015", "0.98000020"}},
		{"around zero", 3, func(i int) float64 { return 1e-4 * float64(i-1) }, []string{"-1.0e-4", "-5e-5", "0", "5e-5", "1.0e-4"}},
		{"small", 5, func(i int) float64 { return 1e-7 * float64(i) }, []string{"0", "1e-7", "2e-7", "3e-7", "4e-7"}},
		{"many", 50000, func(int) float64 { return 1 }, nil},
		{"large", 1000, func(i int) float64 { return 1e9 * float64(i) }, []string{"0", "2e11", "4e11", "6e11", "8e11", "1.0e12"}},
		{"nearly constant and large", 3, func(i int) float64 { return 2e6 + float64(i) }, []string{"2.0000000e6", "2.0000005e6", "2.0000010e6", "2.0000015e6", "2.0000020e6"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var history []train.Epoch
			for i := range tt.epochs {
				history = append(history, train.Epoch{Epoch: i + 1, Loss: tt.value(i), ValLoss: tt.value(i)})
			}
			c := charts("test", history)[0]
			var labels []string
			for _, y := range c.Y {
				labels = append(labels, y.Label)
			}
			if tt.y != nil && !slices.Equal(labels, tt.y) || len(labels) < 2 || len(labels) > 8 {
				t.Errorf("the axis has %q, want %q", labels, tt.y)
			}
			if len(c.X) < 1 || len(c.X) > 11 {
				t.Errorf("%d marks for %d epochs", len(c.X), tt.epochs)
			}
			start, err := strconv.ParseFloat(c.Left, 64)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range labels {
				if room := start - 6; width(l) > room {
					t.Errorf("label %s is %v wide, there is room for %v", l, width(l), room)
				}
			}
			for _, tick := range c.X {
				at, err := strconv.ParseFloat(tick.At, 64)
				if end := at + width(tick.Label)/2; err != nil || end > 460 {
					t.Errorf("label %s ends at %v of 460", tick.Label, end)
				}
			}
			points := strings.Fields(c.Curves[0].Points)
			if len(points) != tt.epochs {
				t.Fatalf("%d points, want %d", len(points), tt.epochs)
			}
			for _, p := range points {
				if x, y, _ := strings.Cut(p, ","); !between(x, start, right) || !between(y, top, bottom) {
					t.Errorf("point %s is outside", p)
				}
			}
		})
	}
	if c := charts("test", []train.Epoch{{Epoch: 1}}); len(c) != 2 {
		t.Errorf("%d charts without a learning rate, want 2", len(c))
	}
	if c := charts("test", nil); len(c) != 0 {
		t.Errorf("%d charts without epochs", len(c))
	}
}

// width is that of a label in DejaVu Sans, a wide font, at the page's 12 units.
func width(label string) (sum float64) {
	for _, r := range label {
		switch r {
		case '.':
			sum += 12 * 0.318
		case '-':
			sum += 12 * 0.361
		default:
			sum += 12 * 0.636
		}
	}
	return sum
}

func TestProbability(t *testing.T) {
	for v, want := range map[float64]string{100: "100.0 %", 99.6: "99.6 %", 12.34: "12.3 %", 0.1: "0.1 %", 0.0123: "0.012 %", 2e-7: "2e-07 %", 0: "0 %"} {
		if got := probability(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestMatrix(t *testing.T) {
	c := metric.Confusion{{8, 2, 0}, {0, 0, 0}, {1, 3, 6}}
	m := newMatrix(c, []string{"a", "b", "c"})
	if m.Total != 20 || m.Right != 70 || m.Long || m.Picture != "" {
		t.Errorf("matrix %+v", m)
	}
	if want := []pair{{"c", "b", 3, 30, place{2, 1}}, {"a", "b", 2, 20, place{0, 1}}, {"c", "a", 1, 10, place{2, 0}}}; !slices.Equal(m.Pairs, want) {
		t.Errorf("pairs %v, want %v", m.Pairs, want)
	}
	r := m.Rows[0]
	if r.Images != 10 || r.Recall != 80 || r.Cells[0] != (cell{8, true, "0.894", true, place{0, 0}}) || r.Cells[1] != (cell{2, false, "0.447", false, place{0, 1}}) {
		t.Errorf("row %+v", r)
	}
	if empty := m.Rows[1]; empty.Images != 0 || empty.Recall != 0 || empty.Cells[1].Shade != "0.000" {
		t.Errorf("row of a class without images %+v", empty)
	}
}

// TestPhoto: images in 0..1 stay as they are, others are stretched, and
// normalisation is undone.
func TestPhoto(t *testing.T) {
	none := data.Stats{}
	for _, tt := range []struct {
		name  string
		x     []float32
		shape [3]int
		stats data.Stats
		want  []color.NRGBA
	}{
		{"grey", []float32{0, 0.4}, [3]int{1, 1, 2}, none, []color.NRGBA{{0, 0, 0, 255}, {102, 102, 102, 255}}},
		{"colour", []float32{1, 0, 0.2, 0, 0, 1}, [3]int{3, 1, 2}, none, []color.NRGBA{{255, 51, 0, 255}, {0, 0, 255, 255}}},
		{"of a wide range", []float32{-2, 0, 2}, [3]int{1, 1, 3}, none, []color.NRGBA{{0, 0, 0, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}}},
		{"two channels", []float32{0, 1, 0.8, 1}, [3]int{2, 1, 2}, none, []color.NRGBA{{102, 102, 102, 255}, {255, 255, 255, 255}}},
		{"constant", []float32{7, 7}, [3]int{1, 1, 2}, none, []color.NRGBA{{0, 0, 0, 255}, {0, 0, 0, 255}}},
		{"normalised", []float32{-1, 1, 0, 2, 0.2, 0.8}, [3]int{3, 1, 2}, data.Stats{Mean: []float64{0.5, 0.2, 0}, Deviation: []float64{0.5, 0.4, 0}},
			[]color.NRGBA{{0, 51, 51, 255}, {255, 255, 204, 255}}},
		{"normalised, of a wide range", []float32{-1, 0, 1}, [3]int{1, 1, 3}, data.Stats{Mean: []float64{128}, Deviation: []float64{64}},
			[]color.NRGBA{{0, 0, 0, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src, err := photo(tt.x, tt.shape, tt.stats)
			if err != nil {
				t.Fatal(err)
			}
			img := decode(t, string(src))
			for i, want := range tt.want {
				if got := color.NRGBAModel.Convert(img.At(i, 0)); got != want {
					t.Errorf("pixel %d is %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestDiverging(t *testing.T) {
	for v, want := range map[float32]color.NRGBA{-1: {0x1f, 0x77, 0xb4, 255}, 0: {255, 255, 255, 255}, 1: {0xd6, 0x27, 0x28, 255}} {
		if got := diverging(v); got != want {
			t.Errorf("%v is %v, want %v", v, got, want)
		}
	}
}
