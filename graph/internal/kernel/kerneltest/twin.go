package kerneltest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
)

// Twin is a kernel that is assembly on some tiers, with operands for it.
type Twin struct {
	Floats [][]float32
	Bytes  [][]uint8
	Run    func(f [][]float32, i [][]uint8)
	// Roundings is how many roundings of each sum the tiers may differ in; if
	// it is zero, they give the same bits.
	Roundings int
	// Tiled sums are rounded as coarsely as the operand's largest one.
	Tiled bool
}

// Makers make operands of a size for kernels, by the kernels' names, with all the
// rest random.
type Makers map[string]func(r *rand.Rand, n int) Twin

// names returns the kernels' names in order, so that the fuzzer finds a kernel
// again.
func (m Makers) names() []string { return slices.Sorted(maps.Keys(m)) }

// Loop is a kernel over up to four vectors.
func Loop(run func(a, b, c, d []float32)) func(r *rand.Rand, n int) Twin {
	return func(r *rand.Rand, n int) Twin {
		return Twin{
			Floats: [][]float32{Values(r, n), Values(r, n), Values(r, n), Values(r, n)},
			Run:    func(f [][]float32, _ [][]uint8) { run(f[0], f[1], f[2], f[3]) },
		}
	}
}

// RunTwins: all tiers give the bits of plain Go, or its sums to their rounding and
// the same bits as each other in assembly, and touch nothing beside their slices.
func RunTwins(t *testing.T, twins Makers) {
	for _, name := range twins.names() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for n := range 70 {
				t.Run(fmt.Sprint(n), func(t *testing.T) { twins[name](r, n).check(t) })
			}
		})
	}
}

// FuzzTwins does so for sizes and seeds that the fuzzer chooses.
func FuzzTwins(f *testing.F, twins Makers) {
	names := twins.names()
	for i := range names {
		f.Add(uint8(i), uint16(100), uint64(1))
	}
	f.Fuzz(func(t *testing.T, kernel uint8, n uint16, seed uint64) {
		make := twins[names[int(kernel)%len(names)]]
		make(rand.New(rand.NewPCG(seed, 0)), int(n%1000)).check(t)
	})
}

// check runs the kernel on every tier, on fenced operands, and compares with
// plain Go.
func (w Twin) check(t *testing.T) {
	t.Helper()
	absolute := make([][]float32, len(w.Floats))
	for i, f := range w.Floats {
		for _, x := range f {
			absolute[i] = append(absolute[i], float32(math.Abs(float64(x))))
		}
	}
	scale, _ := w.on(cpu.TierGo, absolute, CopyFenced(t, w.Bytes, true))
	for _, s := range scale {
		if w.Tiled {
			copy(s, slices.Repeat([]float32{slices.Max(s)}, len(s)))
		}
	}
	want, wantBytes := w.on(cpu.TierGo, CopyFenced(t, w.Floats, true), CopyFenced(t, w.Bytes, true))
	var assembly []uint32 // the bits of the first such tier
	for tier := cpu.TierGo; tier <= cpu.Best(); tier++ {
		for _, atEnd := range []bool{false, true} {
			got, gotBytes := w.on(tier, CopyFenced(t, w.Floats, atEnd), CopyFenced(t, w.Bytes, atEnd))
			if tier > cpu.TierGo {
				bits := Float32Bits(got...)
				if assembly == nil {
					assembly = bits
				}
				if !slices.Equal(bits, assembly) {
					t.Fatalf("%v: got other bits than on %v", tier, cpu.TierAVX2)
				}
			}
			for i := range got {
				for j, x := range got[i] {
					if !w.agree(x, want[i][j], scale[i][j]) {
						t.Fatalf("%v: operand %d, element %d of %d is %v, want %v", tier, i, j, len(got[i]), x, want[i][j])
					}
				}
			}
			for i := range gotBytes {
				if !slices.Equal(gotBytes[i], wantBytes[i]) {
					t.Fatalf("%v: bytes %d are %v, want %v", tier, i, gotBytes[i], wantBytes[i])
				}
			}
		}
	}
}

// on runs the kernel of a tier.
func (w Twin) on(to cpu.Tier, f [][]float32, i [][]uint8) ([][]float32, [][]uint8) {
	defer cpu.Use(to)()
	w.Run(f, i)
	return f, i
}

// agree compares two tiers' results. The scale is what the kernel makes of its
// operands' absolute values: the sum of the absolute terms of a sum.
func (w Twin) agree(got, want, scale float32) bool {
	if math.Float32bits(got) == math.Float32bits(want) || got != got && want != want {
		return true
	}
	bound := float64(w.Roundings) * Epsilon[float32]() * float64(scale)
	return w.Roundings > 0 && (got == want || math.Abs(float64(got)-float64(want)) <= bound)
}
