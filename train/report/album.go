package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"tapenet/train/data"
)

const (
	maxAlbum    = 12  // pictures of a cell
	maxPictures = 300 // of all cells together
)

// album is the pictures behind a cell of the confusion matrix, those with the highest losses.
type album struct {
	ID               string
	Class, Predicted string
	Right            bool
	Count            int // images of the cell
	Pictures         []picture
}

// More is how many images of the cell are not shown.
func (a album) More() int { return a.Count - len(a.Pictures) }

// picture is one image with its name.
type picture struct {
	Name       string // of its file, or its index
	Picture    template.URL
	Confidence float64 // in the prediction, in percent
}

// place is a cell: class and prediction.
type place struct{ class, predicted int }

func (p place) id() string { return fmt.Sprintf("cell-%d-%d", p.class, p.predicted) }

// open puts the pictures behind the matrix: behind its cells, or of a matrix that is a
// picture behind its pairs. Mistakes come first, the most frequent ones, so that what is right
// gets the room that they leave. It reads the images again.
func (m *matrix) open(e *evaluation, d data.Dataset) error {
	samples := map[place][]sample{}
	for _, s := range e.samples {
		at := place{s.class, s.predicted}
		samples[at] = append(samples[at], s)
	}
	room := maxPictures
	for _, at := range m.places(samples) {
		all := samples[at]
		slices.SortStableFunc(all, func(a, b sample) int { return cmp.Compare(b.loss, a.loss) })
		a := album{
			ID: at.id(), Class: d.Classes[at.class], Predicted: d.Classes[at.predicted],
			Right: at.class == at.predicted, Count: len(all),
		}
		for _, s := range all[:min(len(all), maxAlbum, room)] {
			p, err := showSample(s, d)
			if err != nil {
				return err
			}
			a.Pictures = append(a.Pictures, p)
		}
		room -= len(a.Pictures)
		m.Albums = append(m.Albums, a)
	}
	return nil
}

// places lists the cells that have an album, in the order in which they get pictures.
func (m *matrix) places(samples map[place][]sample) (places []place) {
	if m.Picture != "" {
		for _, p := range m.Pairs {
			places = append(places, p.at)
		}
		return places
	}
	for at := range samples {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		right := func(p place) int {
			if p.class == p.predicted {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(right(a), right(b)), cmp.Compare(len(samples[b]), len(samples[a])),
			cmp.Compare(a.class, b.class), cmp.Compare(a.predicted, b.predicted))
	})
	return places
}

// showSample reads an image of d.Test again.
func showSample(s sample, d data.Dataset) (picture, error) {
	x, err := readSample(s.index, d)
	if err != nil {
		return picture{}, err
	}
	src, err := photo(x, d.Shape, d.Stats)
	return picture{data.Name(d.Test, s.index), src, 100 * s.share}, err
}

// readSample reads an image of d.Test.
func readSample(i int, d data.Dataset) ([]float32, error) {
	x := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	if _, err := d.Test.Read(i, x); err != nil {
		return nil, fmt.Errorf("%s sample %d: %w", d.TestPart(), i, err)
	}
	return x, nil
}
