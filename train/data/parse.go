package data

import (
	"fmt"
	"strconv"
	"strings"
)

// augmentations are the names that ParseAugmentations knows. With no value, the
// number is 0: the default.
var augmentations = []struct {
	name    string
	maximum float64
	integer bool
	new     func(v float64) Augmentation
}{
	{"shift", 1, false, func(v float64) Augmentation { return Shift{v} }},
	{"rotate", 180, false, func(v float64) Augmentation { return Rotate{v} }},
	{"zoom", 0.9, false, func(v float64) Augmentation { return Zoom{v} }},
	{"shear", 80, false, func(v float64) Augmentation { return Shear{v} }},
	{"elastic", 1000, false, func(v float64) Augmentation { return Elastic{Alpha: v} }},
	{"flip", 0, false, func(float64) Augmentation { return Flip{} }},
	{"vflip", 0, false, func(float64) Augmentation { return Flip{Vertical: true} }},
	{"crop", maxSide, true, func(v float64) Augmentation { return Crop{int(v)} }},
	{"cutout", maxSide, true, func(v float64) Augmentation { return Cutout{int(v)} }},
	{"brightness", 1, false, func(v float64) Augmentation { return Brightness{v} }},
	{"contrast", 1, false, func(v float64) Augmentation { return Contrast{v} }},
	{"noise", 1, false, func(v float64) Augmentation { return Noise{v} }},
}

// ParseAugmentations returns the augmentations that a text lists, as in
// "shift=0.1,rotate=15,elastic": names with commas between them, and after a
// name the one number that it may have. The names are shift, rotate, zoom,
// shear, elastic (with its Alpha), flip, vflip, crop, cutout, brightness,
// contrast and noise; "none" alone lists none.
func ParseAugmentations(text string) (steps []Augmentation, err error) {
	if text == "none" {
		return nil, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		step, err := parseAugmentation(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func parseAugmentation(item string) (Augmentation, error) {
	name, value, given := strings.Cut(item, "=")
	var names []string
	for _, a := range augmentations {
		names = append(names, a.name)
		if a.name != name {
			continue
		}
		if !given {
			return a.new(0), nil
		}
		if a.maximum == 0 {
			return nil, fmt.Errorf("data: augmentation %q, want %s without a number", item, name)
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v > 0 && v <= a.maximum) || a.integer && v != float64(int(v)) {
			kind := "number"
			if a.integer {
				kind = "whole number"
			}
			return nil, fmt.Errorf("data: augmentation %q, want a %s above 0 and up to %g", item, kind, a.maximum)
		}
		return a.new(v), nil
	}
	return nil, fmt.Errorf("data: no augmentation %q, want some of %s, with commas between them", name, strings.Join(names, ", "))
}
