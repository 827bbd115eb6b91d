package pixel

import (
	"fmt"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestTurn: pixels come from planes and go back, at any distance, and nothing else is
// written, also where memory goes on.
func TestTurn(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, channels := range []int{1, 3, 8, 13, 16, 20, 40} {
			for _, pixels := range []int{1, 7, 8, 23, 130, 300} {
				for _, distance := range []int{channels, channels + 2, Width(channels), Width(channels) + 8} {
					t.Run(fmt.Sprintf("%d,%d,%d", channels, pixels, distance), func(t *testing.T) {
						testTurn[float32](t, channels, pixels, distance)
						testTurn[float64](t, channels, pixels, distance)
					})
				}
			}
		}
	})
}

func testTurn[T cpu.Float](t *testing.T, channels, pixels, distance int) {
	const mark = 99
	plane := pixels + 3
	planes := kerneltest.Randoms[T](channels * plane)
	got, want := slices.Repeat([]T{mark}, pixels*distance+20), slices.Repeat([]T{mark}, pixels*distance+20)
	for p := range pixels {
		for c := range max(channels, min(Width(channels), distance)) {
			if want[p*distance+c] = 0; c < channels {
				want[p*distance+c] = planes[c*plane+p]
			}
		}
	}
	if FromPlanes(got, distance, planes, plane, channels, pixels); !slices.Equal(got, want) {
		t.Fatalf("got pixels %v, want %v", got, want)
	}
	back := slices.Repeat([]T{mark}, channels*plane)
	ToPlanes(back, plane, got, distance, channels, pixels)
	for i := range back {
		if i%plane >= pixels {
			planes[i] = mark
		}
	}
	if !slices.Equal(back, planes) {
		t.Fatalf("got planes %v, want %v", back, planes)
	}
}
