package robust

// Report is what a network bears, as plain data. Groups that were not measured are
// nil. It has neither times nor names of files: the same measurement gives the same
// report.
type Report struct {
	Input   [3]int   `json:"input"` // channels, height, width
	Classes []string `json:"classes"`
	Images  int      `json:"images"` // most measurements' number of them
	Seed    uint64   `json:"seed"`

	Clean       Score          `json:"clean"` // of the images as they are
	Corruptions []CorruptedSet `json:"corruptions,omitempty"`
	Geometry    []Curve        `json:"geometry,omitempty"`
	Grid        *Grid          `json:"grid,omitempty"`
	Attacks     *Attacks       `json:"attacks,omitempty"`
	Calibration *Calibration   `json:"calibration,omitempty"`
	Unknown     []UnknownSet   `json:"unknown,omitempty"`

	FailFirst []Failure `json:"fail_first,omitempty"` // the images that bear least, the weakest one first
	Skipped   []Skip    `json:"skipped,omitempty"`

	Sheets []Sheet `json:"-"` // pictures of what was done
}

// Score is a count of images.
type Score struct {
	Right    int     `json:"right"`
	Images   int     `json:"images"`
	Accuracy float64 `json:"accuracy"` // Right over Images
}

func newScore(right, images int) Score {
	return Score{right, images, float64(right) / float64(max(images, 1))}
}

// Skip is a measurement that does not go with the network, and why.
type Skip struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Picture is an image that was made, and what the network says of it.
type Picture struct {
	Label       string    // what was done, as in "severity 3"
	Image       int       // index of the sample
	Class       int       // its class
	Predicted   int       // what the network says, or NoPrediction
	Probability float32   // of Predicted
	Pix         []float32 // the picture
}

// Sheet is what one measurement looks like: the same few images, changed more and
// more.
type Sheet struct {
	Group, Name string
	Rows        [][]Picture // a row an image
}

// Failure is an image with the weakest change that turns the network's answer.
type Failure struct {
	Image     int     `json:"image"`     // index of the sample
	Class     int     `json:"class"`     // its class
	Predicted int     `json:"predicted"` // what the network says after the change
	What      string  `json:"what"`      // the change, as in "geometry/rotation 20°"
	Failed    int     `json:"failed"`    // kinds of changes that turn the answer
	Of        int     `json:"of"`        // kinds that were tried
	Strength  float64 `json:"strength"`  // mean over the kinds of the share of the scale that is borne

	Original, Changed Picture `json:"-"`
}
