package data

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"tapenet/graph/raster/corrupt"
)

// Corrupt spoils the image as package corrupt does, with a seed of its own for
// each image and epoch. A network that is to be measured on corruptions it has
// never seen must not train with them.
type Corrupt struct {
	Corruption corrupt.Corruption
	Severity   int // 1 to 5; 0 means the published one
}

// String returns the name that [ParseAugmentations] takes.
func (s Corrupt) String() string { return fmt.Sprintf("%v=%d", s.Corruption, s.Severity) }

// Apply implements [Augmentation].
func (s Corrupt) Apply(im *Image, r *rand.Rand) {
	x := im.Pixels()
	p := corrupt.Picture{Pix: x, C: im.C, H: im.H, W: im.W}
	copy(x, s.Corruption.Apply(p, s.Severity, r.Uint64()).Pix)
}

// OneOf does one of several augmentations, each as often as the others; a nil
// leaves the image as it is.
type OneOf []Augmentation

// String returns the names with bars between them.
func (s OneOf) String() string {
	names := make([]string, len(s))
	for i, step := range s {
		if names[i] = "none"; step != nil {
			names[i] = fmt.Sprintf("%T%+v", step, step)
		}
	}
	return strings.Join(names, "|")
}

// Apply implements [Augmentation].
func (s OneOf) Apply(im *Image, r *rand.Rand) {
	if len(s) == 0 {
		return
	}
	if step := s[r.IntN(len(s))]; step != nil {
		step.Apply(im, r)
	}
}
