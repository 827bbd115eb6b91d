package report

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

const (
	maxSimilar = 12  // pairs on the page
	maxWork    = 5e8 // multiply-adds that comparing images may take: less than a second
)

// similar is the images of different classes whose features are nearest to each other.
type similar struct {
	Skipped  string // why there are none; "" if there are
	Compared int    // images
	Of       int    // of so many
	Pairs    []similarPair
}

// similarPair is two images with the cosine of their features.
type similarPair struct {
	A, B   side
	Cosine float64
}

type side struct {
	Name, Class string
	Picture     template.URL
}

// newSimilar compares the images of d.Test by what the network's last product reads. Of very
// many it takes an even share. A network without features is no error.
func newSimilar(ctx context.Context, net *graph.Network, d data.Dataset) (*similar, error) {
	batch := min(train.EvaluationBatch(net.Input), d.Test.Len())
	m, err := graph.Options{Weights: net.Weights, Features: true}.Build(net.Layer, graph.Infer, append([]int{batch}, net.Input...)...)
	if err != nil {
		return &similar{Skipped: err.Error()}, nil
	}
	f := &features{model: m, batch: batch, data: d}
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	n := min(d.Test.Len(), max(2, int(math.Sqrt(2*maxWork/float64(size)))))
	f.at = make([]int, n)
	for i := range f.at {
		f.at[i] = i * d.Test.Len() / n
	}
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	s := &similar{Compared: n, Of: d.Test.Len()}
	if i := slices.IndexFunc(f.rows, func(row []float32) bool { return slices.ContainsFunc(row, func(v float32) bool { return v-v != 0 }) }); i >= 0 {
		return &similar{Skipped: fmt.Sprintf("the features of image %s are not finite", data.Name(d.Test, f.at[i]))}, nil
	}
	for _, p := range nearest(f.rows, f.classes, maxSimilar) {
		a, err := f.side(p.a)
		if err != nil {
			return nil, err
		}
		b, err := f.side(p.b)
		if err != nil {
			return nil, err
		}
		s.Pairs = append(s.Pairs, similarPair{a, b, p.cosine})
	}
	if len(s.Pairs) == 0 {
		return nil, nil
	}
	return s, nil
}

// features are those of some images of a dataset's test part.
type features struct {
	model   *graph.Model
	batch   int
	data    data.Dataset
	at      []int // the images
	classes []int
	rows    [][]float32 // each of length 1, or 0 for one without a direction
}

// size is the number of an image's features, from a run of any images.
func (f *features) size() (int, error) {
	if err := f.model.Run(); err != nil {
		return 0, err
	}
	return len(graph.ChannelMeans(f.model.Features())) / f.batch, nil
}

// read runs the images through the network.
func (f *features) read(ctx context.Context) error {
	x := f.model.Input.Float32s()
	one := len(x) / f.batch
	for part := range slices.Chunk(f.at, f.batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, at := range part {
			class, err := f.data.Test.Read(at, x[i*one:][:one])
			if err != nil {
				return fmt.Errorf("%s sample %d: %w", f.data.TestPart(), at, err)
			}
			f.classes = append(f.classes, class)
		}
		if err := f.model.Run(); err != nil {
			return err
		}
		values := graph.ChannelMeans(f.model.Features())
		size := len(values) / f.batch
		for i := range part {
			f.rows = append(f.rows, unit(values[i*size:][:size]))
		}
	}
	return nil
}

// unit is a vector of length 1 in the same direction.
func unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	scaled := make([]float32, len(v))
	for i, x := range v {
		if sum > 0 {
			scaled[i] = float32(float64(x) / math.Sqrt(sum))
		} else {
			scaled[i] = x // 0, or not a number
		}
	}
	return scaled
}

func (f *features) side(i int) (side, error) {
	x, err := readSample(f.at[i], f.data)
	if err != nil {
		return side{}, err
	}
	src, err := photo(x, f.data.Shape, f.data.Stats)
	return side{data.Name(f.data.Test, f.at[i]), f.data.Classes[f.classes[i]], src}, err
}

// near is two rows with the cosine between them.
type near struct {
	a, b   int // a comes before b
	cosine float64
}

func byCosine(x, y near) int {
	return cmp.Or(cmp.Compare(y.cosine, x.cosine), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
}

// nearest are the n pairs of rows of different classes with the largest cosines, each row at
// most once: the best pair of all, then the best of those without its two rows, and so on.
// It is the same for any number of threads.
func nearest(rows [][]float32, classes []int, n int) (pairs []near) {
	candidates := make([][]near, len(rows))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for a := int(next.Add(1)) - 1; a < len(rows); a = int(next.Add(1)) - 1 {
				candidates[a] = neighbours(rows, classes, a, 2*n) // of which others may take 2n-2
			}
		})
	}
	wg.Wait()
	taken := make([]bool, len(rows))
	for _, p := range slices.SortedFunc(slices.Values(slices.Concat(candidates...)), byCosine) {
		if len(pairs) < n && !taken[p.a] && !taken[p.b] {
			taken[p.a], taken[p.b] = true, true
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// neighbours are the nearest rows behind row a that are of another class.
func neighbours(rows [][]float32, classes []int, a, n int) (best []near) {
	for b := a + 1; b < len(rows); b++ {
		if classes[b] == classes[a] {
			continue
		}
		p := near{a, b, cosine(rows[a], rows[b])}
		if len(best) == n && byCosine(p, best[n-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, p, byCosine)
		best = slices.Insert(best, at, p)
		best = best[:min(n, len(best))]
	}
	return best
}

// cosine is that of two vectors of length 1, in four sums, as an addition has to wait for the
// one before it.
func cosine(x, y []float32) float64 {
	var a, b, c, d float32
	y = y[:len(x)]
	for len(x) >= 4 {
		a, b, c, d = a+x[0]*y[0], b+x[1]*y[1], c+x[2]*y[2], d+x[3]*y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return min(1, float64(a+b)+float64(c+d))
}
