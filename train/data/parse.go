package data

import (
	"fmt"
	"strconv"
	"strings"

	"tapenet/graph/raster/corrupt"
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
	{"randconv", 1, false, func(v float64) Augmentation { return RandConv{v} }},
	{"curve", 1, false, func(v float64) Augmentation { return Curve{v} }},
	{"gamma", 10, false, func(v float64) Augmentation { return Gamma{v} }},
	{"light", 1, false, func(v float64) Augmentation { return Light{v} }},
	{"occlude", 1, false, func(v float64) Augmentation { return Occlude{v} }},
	{"patch", 0, false, func(float64) Augmentation { return Patch{} }},
	{"grain", 1, false, func(v float64) Augmentation { return Grain{Deviation: v} }},
	{"posterize", 4, true, func(v float64) Augmentation { return Posterize{int(v)} }},
	{"solarize", 1, false, func(v float64) Augmentation { return Solarize{v} }},
	{"autocontrast", 0, false, func(float64) Augmentation { return AutoContrast{} }},
	{"equalize", 0, false, func(float64) Augmentation { return Equalize{} }},
	{"resizedcrop", 1, false, func(v float64) Augmentation { return ResizedCrop{v} }},
	{"jitter", 1, false, func(v float64) Augmentation { return Jitter{v} }},
	{"randaugment", 1, false, func(v float64) Augmentation { return RandAugment{Magnitude: v} }},
	{"augmix", 10, true, func(v float64) Augmentation { return AugMix{Width: int(v)} }},
}

// AugmentationNames are the names that ParseAugmentations knows, without "none" and those
// of package corrupt.
func AugmentationNames() (names []string) {
	for _, a := range augmentations {
		names = append(names, a.name)
	}
	return names
}

// ParseAugmentations returns the augmentations that a text lists, as in
// "shift=0.1,rotate=15,elastic": names with commas between them, and after a
// name the one number that it may have. The names are shift, rotate, zoom,
// shear, elastic (with its Alpha), flip, vflip, crop, cutout, brightness,
// contrast, noise, randconv, curve, gamma, light, occlude, patch, grain,
// posterize, solarize, autocontrast, equalize, resizedcrop (with its Least), jitter,
// randaugment (with its Magnitude) and augmix (with its Width); "none" alone lists none.
//
// The names of package corrupt are known, too, with the severity as the number:
// "shot_noise=2" or, where a name above is the same, "mnist/rotate=2". Of names
// with bars between them, as in "none|noise=0.3|randconv", each image gets one.
func ParseAugmentations(text string) (steps []Augmentation, err error) {
	if text == "none" {
		return nil, nil
	}
	if n := strings.Count(text, ",") + strings.Count(text, "|"); n >= maxSteps {
		return nil, fmt.Errorf("data: %d augmentations, want at most %d", n+1, maxSteps)
	}
	for item := range strings.SplitSeq(text, ",") {
		var either OneOf
		for name := range strings.SplitSeq(item, "|") {
			name = strings.TrimSpace(name)
			if name == "none" && strings.Contains(item, "|") {
				either = append(either, nil)
				continue
			}
			step, err := parseAugmentation(name)
			if err != nil {
				return nil, err
			}
			either = append(either, step)
		}
		if len(either) == 1 {
			steps = append(steps, either[0])
		} else {
			steps = append(steps, either)
		}
	}
	return steps, nil
}

// maxSteps bounds the augmentations of an image, each of which costs time for each one.
const maxSteps = 64

func parseAugmentation(item string) (Augmentation, error) {
	name, value, given := strings.Cut(item, "=")
	for _, a := range augmentations {
		if a.name != name {
			continue
		}
		if !given {
			return a.new(0), nil
		}
		if a.maximum == 0 {
			return nil, fmt.Errorf("data: augmentation %.64q, want %s without a number", item, name)
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v > 0 && v <= a.maximum) || a.integer && v != float64(int(v)) {
			kind := "number"
			if a.integer {
				kind = "whole number"
			}
			return nil, fmt.Errorf("data: augmentation %.64q, want a %s above 0 and up to %g", item, kind, a.maximum)
		}
		return a.new(v), nil
	}
	if c, err := corrupt.Find(name); err == nil {
		return parseCorruption(c, item, value, given)
	}
	return nil, fmt.Errorf("data: no augmentation %.64q, want some of %s, or a corruption as in shot_noise=2, with commas between them", name, strings.Join(AugmentationNames(), ", "))
}

func parseCorruption(c corrupt.Corruption, item, value string, given bool) (Augmentation, error) {
	if !given {
		return Corrupt{Corruption: c}, nil
	}
	severity, err := strconv.Atoi(value)
	if err != nil || severity < 1 || severity > 5 {
		return nil, fmt.Errorf("data: augmentation %.64q, want a severity from 1 to 5", item)
	}
	return Corrupt{c, severity}, nil
}
