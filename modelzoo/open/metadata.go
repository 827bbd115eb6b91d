package open

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Entries of an ONNX file's metadata.
const (
	entryModel         = "model"         // name in modelzoo
	entryClasses       = "classes"       // JSON list
	entryPreprocessing = "preprocessing" // JSON of raster.Preprocessing
	entryTemperature   = "temperature"   // in the graph too, if it ends in the SoftMax
	entryThresholds    = "thresholds"    // JSON list
)

// Metadata is what an ONNX file of the model says of it, for Open to read again.
// prepares says that the graph prepares pictures itself.
func (m Model) Metadata(prepares bool) (map[string]string, error) {
	classes, err := json.Marshal(m.Classes)
	if err != nil {
		return nil, err
	}
	entries := map[string]string{entryClasses: string(classes)}
	if m.Temperature != 0 && m.Temperature != 1 {
		entries[entryTemperature] = strconv.FormatFloat(m.Temperature, 'g', -1, 64)
	}
	if m.Thresholds != nil {
		text, err := json.Marshal(m.Thresholds)
		if err != nil {
			return nil, err
		}
		entries[entryThresholds] = string(text)
	}
	if m.Name != "" {
		entries[entryModel] = m.Name
	}
	if !prepares && len(m.Sample) == 3 {
		p, err := json.Marshal(m.Preprocessing)
		if err != nil {
			return nil, err
		}
		entries[entryPreprocessing] = string(p)
	}
	return entries, nil
}

// metadata reads what Metadata wrote into an ONNX file.
func (f *foreign) metadata(entries map[string]string) error {
	if text, ok := entries[entryPreprocessing]; ok {
		if err := json.Unmarshal([]byte(text), &f.Description); err != nil {
			return fmt.Errorf("metadata preprocessing is %.64q, want a JSON object", text)
		}
		f.ours = true
	}
	if text, ok := entries[entryClasses]; ok {
		if err := json.Unmarshal([]byte(text), &f.Classes.List); err != nil {
			return fmt.Errorf("metadata classes is %.64q, want a JSON list of names", text)
		}
	}
	if text, ok := entries[entryThresholds]; ok {
		err := json.Unmarshal([]byte(text), &f.thresholds)
		if err != nil || len(f.thresholds) != len(f.Classes.List) || slices.ContainsFunc(f.thresholds, func(t float64) bool { return !(t >= 0 && t <= 1) }) {
			return fmt.Errorf("metadata thresholds is %.64q, want a JSON list of a number in 0..1 for each class", text)
		}
	}
	if text, ok := entries[entryTemperature]; ok {
		var err error
		if f.temperature, err = strconv.ParseFloat(text, 64); err != nil || !(f.temperature > 0) || math.IsInf(f.temperature, 1) {
			return fmt.Errorf("metadata temperature is %.64q, want a number above 0", text)
		}
	}
	return f.check()
}
