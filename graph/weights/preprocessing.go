package weights

import (
	"encoding/json"
	"fmt"
	"reflect"

	"tapenet/graph/raster"
)

// Metadata entries for a model's Preprocessing. Files that were written before it
// was one value have the other two.
const (
	entryPreprocessing = "preprocessing"
	entryNormalise     = "normalise" // {"mean":[…],"deviation":[…]}
	entryPictures      = "pictures"  // "scaled": by raster.Stretch
)

// describe adds the model's preprocessing to a file's metadata.
func (m Model) describe(metadata map[string]string) error {
	if reflect.DeepEqual(m.Preprocessing, raster.Preprocessing{}) {
		return nil
	}
	text, err := json.Marshal(m.Preprocessing)
	if err != nil {
		return fmt.Errorf("weights: preprocessing: %w", err)
	}
	metadata[entryPreprocessing] = string(text)
	return nil
}

// described reads what describe wrote, or what older files have for it.
func (m *Model) described(metadata map[string]string) error {
	p := &m.Preprocessing
	for _, entry := range []string{entryPreprocessing, entryNormalise} {
		text, ok := metadata[entry]
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), p); err != nil {
			return fmt.Errorf("metadata %s is %.64q, want a JSON object", entry, text)
		}
		if err := p.Check(m.Input[0], m.Input[1], m.Input[2]); err != nil {
			return fmt.Errorf("metadata %s: %w", entry, err)
		}
	}
	switch how, ok := metadata[entryPictures]; {
	case ok && how != "scaled":
		return fmt.Errorf("metadata %s is %.64q, want \"scaled\" or none", entryPictures, how)
	case ok:
		p.Fit = raster.Stretch
	}
	return nil
}
