package robust

import (
	"cmp"
	"slices"
)

// maxFailures bounds the images of a report that fail first.
const maxFailures = 24

// kind is a kind of change that was tried at several strengths, with the weakest one
// that turns the answer for each image.
type kind struct {
	group, name string
	weakest     []turned // by image
	sheet       string   // the name of its sheet
	at          int      // its sheet's place among the report's, counted from 1; 0 if there is none yet
}

// turned is a change that turned the network's answer.
type turned struct {
	strength float64 // 0 if the image is wrong as it is, unborne or more if nothing turned it
	label    string
	answer   answer
	change   func(i int) []float32 // nil if there is none
}

// unborne is the strength of an image that bears all of a kind.
const unborne = 1.25

// kind begins a kind of change.
func (m *meter) kind(group, name string) *kind {
	k := &kind{group: group, name: name, sheet: name, weakest: make([]turned, len(m.images))}
	for i := range k.weakest {
		k.weakest[i].strength = unborne
		if m.clean[i].class != m.classes[i] {
			k.weakest[i] = turned{0, "as it is", m.clean[i], m.original}
		}
	}
	m.kinds = append(m.kinds, k)
	return k
}

// tried notes what the network says at one strength, 0 to 1, and keeps pictures of it
// for the sheet. The change makes the picture again.
func (k *kind) tried(m *meter, strength float64, label string, all []answer, change func(i int) []float32) {
	for i, a := range all {
		if a.class != m.classes[i] && strength < k.weakest[i].strength {
			k.weakest[i] = turned{strength, label, a, change}
		}
	}
	m.show(k, label, all, change)
}

// show adds a column to the kind's sheet. A grid has too many.
func (m *meter) show(k *kind, label string, all []answer, change func(i int) []float32) {
	if k.group == "grid" {
		return
	}
	if k.at == 0 {
		m.report.Sheets = append(m.report.Sheets, Sheet{Group: k.group, Name: k.sheet, Rows: make([][]Picture, len(m.shown))})
		k.at = len(m.report.Sheets)
	}
	for row, i := range m.shown {
		rows := m.report.Sheets[k.at-1].Rows
		rows[row] = append(rows[row], m.picture(i, label, change(i), all[i]))
	}
}

// original is an image as it is.
func (m *meter) original(i int) []float32 { return m.images[i] }

// failFirst finds the images that bear least: those for which the mean over the kinds
// of the weakest change that turns the answer is smallest.
func (m *meter) failFirst() {
	if len(m.kinds) == 0 {
		return
	}
	all := make([]failure, len(m.images))
	for i := range all {
		all[i] = m.failure(i)
	}
	slices.SortStableFunc(all, func(a, b failure) int { return cmp.Compare(a.Strength, b.Strength) })
	for _, f := range all[:min(maxFailures, len(all))] {
		if f.Failed > 0 {
			f.draw(m)
			m.report.FailFirst = append(m.report.FailFirst, f.Failure)
		}
	}
}

// failure is a Failure with the change that it names.
type failure struct {
	Failure
	least turned
}

// failure sums up the kinds for one image. The change that it names is the weakest.
func (m *meter) failure(i int) failure {
	f := failure{Failure: Failure{Image: i, Class: m.classes[i], Of: len(m.kinds)}}
	for _, k := range m.kinds {
		t := k.weakest[i]
		f.Strength += t.strength / float64(len(m.kinds))
		if t.change == nil {
			continue
		}
		f.Failed++
		if f.least.change == nil || t.strength < f.least.strength {
			f.least = t
			f.What = item{group: k.group, name: k.name}.path() + " " + t.label
		}
	}
	if f.least.change != nil && f.least.strength == 0 {
		f.What = f.least.label
	}
	f.Predicted = f.least.answer.class
	return f
}

// draw makes the pictures.
func (f *failure) draw(m *meter) {
	f.Original = m.picture(f.Image, "as it is", m.images[f.Image], m.clean[f.Image])
	f.Changed = m.picture(f.Image, f.What, f.least.change(f.Image), f.least.answer)
}
