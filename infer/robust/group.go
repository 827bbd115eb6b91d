package robust

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// item is one measurement of a group.
type item struct {
	group, name string // the name is "" for a group's only one
	asked       bool   // measured only if Config.What names it
	cost        func(m *meter) int
	run         func(m *meter) error
}

func (i item) path() string {
	if i.name == "" {
		return i.group
	}
	return i.group + "/" + i.name
}

// Group is a kind of measurement.
type Group struct {
	Name string
	Doc  string // in a line
	// Items are the names of its measurements, none if it is one by itself. Config
	// takes them behind the group's, as in "geometry/rotation".
	Items []string

	items func(input [3]int) []item
}

// Groups lists what can be measured of a network for images of this shape: channels,
// height, width. The accuracy of the images as they are is measured always.
func Groups(input [3]int) []Group {
	all := []Group{
		{Name: "corruptions", Doc: "noise, blur, weather, lines: MNIST-C and Fashion-MNIST-C in grey, Hendrycks and Dietterich's in colour", items: corruptionItems},
		{Name: "geometry", Doc: "curves over rotation, shift, scale, shear and elastic deformation", items: geometryItems},
		{Name: "grid", Doc: "the worst of 775 turns and shifts of each image", items: gridItems},
		{Name: "attacks", Doc: "what adversaries find within a distance of each image", items: attackItems},
		{Name: "calibration", Doc: "whether probabilities are to be believed", items: calibrationItems},
		{Name: "unknown", Doc: "whether images of no class are told from others", items: unknownItems},
	}
	for i := range all {
		for _, item := range all[i].items(input) {
			if item.name != "" {
				all[i].Items = append(all[i].Items, item.name)
			}
		}
	}
	return all
}

// choose returns the measurements with these names, in the order of Groups. No names
// are all.
func choose(what []string, input [3]int) ([]item, error) {
	groups := Groups(input)
	wanted := map[string]bool{}
	for _, name := range what {
		if err := known(name, groups); err != nil {
			return nil, err
		}
		wanted[name] = true
	}
	var chosen []item
	for _, g := range groups {
		for _, i := range g.items(input) {
			if wanted[i.path()] || !i.asked && (len(what) == 0 || wanted[g.Name]) {
				chosen = append(chosen, i)
			}
		}
	}
	return chosen, nil
}

// known returns an error unless the name is "clean", a group's or an item's.
func known(name string, groups []Group) error {
	if name == clean {
		return nil
	}
	group, item, deep := strings.Cut(name, "/")
	names := []string{clean}
	for _, g := range groups {
		names = append(names, g.Name)
		if g.Name != group || deep && len(g.Items) == 0 {
			continue
		}
		if !deep || slices.Contains(g.Items, item) {
			return nil
		}
		return fmt.Errorf("robust: %w %.64q, want one of %s/: %s", ErrWhat, name, group, strings.Join(g.Items, ", "))
	}
	return fmt.Errorf("robust: %w %.64q, want one of %s", ErrWhat, name, strings.Join(names, ", "))
}

// ErrWhat is the error of a Config that names a measurement that there is not.
var ErrWhat = errors.New("no measurement")

// clean is what is measured always.
const clean = "clean"
