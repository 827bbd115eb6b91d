// Package earlier holds a run of an earlier commit, and what that commit said of
// it. The commands' tests hold with it that runs and models from before the engine
// was rebuilt still load, predict, serve, export and go on.
package earlier

import (
	"embed"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed testdata
var files embed.FS

// commit is the commit that made the run.
const commit = "81b9a2b"

// side is the height and the width of an image.
const side = 12

// Run is a copy of the run, with the answers of the commit that made it.
type Run struct {
	Dir  string // the run's folder
	Data string // the folder of its dataset

	Images   [][]float32   // the first test images
	Pictures []image.Image // the same ones, as somebody might scan them

	OfImages   [][]float32 // the probabilities that the commit gave to Images
	OfPictures [][]float32 // and to Pictures

	Loss, ValLoss []float64 // of epochs 5 and 6, when the commit went on with the run
}

// Flags are the flags of cmd/train that the run was made with, but for -out and
// the number of epochs.
func (r Run) Flags() []string {
	return []string{"-data", r.Data, "-model", "lenet5", "-batch", "8", "-lr", "0.003",
		"-schedule", "constant", "-augment", "none", "-report=false"}
}

// Copy copies the run into a folder, where a test may change it.
func Copy(dir string) (Run, error) {
	all, err := fs.Sub(files, "testdata/"+commit)
	if err != nil {
		return Run{}, err
	}
	if err := os.CopyFS(dir, all); err != nil {
		return Run{}, fmt.Errorf("earlier: copy the run: %w", err)
	}
	r := Run{Dir: filepath.Join(dir, "run"), Data: filepath.Join(dir, "digits")}
	if err := r.readAnswers(all); err != nil {
		return Run{}, err
	}
	return r, r.readImages(all)
}

// readAnswers reads what the commit said.
func (r *Run) readAnswers(all fs.FS) error {
	text, err := fs.ReadFile(all, "golden.json")
	if err != nil {
		return err
	}
	answers := struct {
		Digits   *[][]float32 `json:"digits"`
		Pictures *[][]float32 `json:"pictures"`
		Loss     *[]float64   `json:"loss"`
		ValLoss  *[]float64   `json:"val_loss"`
	}{&r.OfImages, &r.OfPictures, &r.Loss, &r.ValLoss}
	if err := json.Unmarshal(text, &answers); err != nil {
		return fmt.Errorf("earlier: golden.json: %w", err)
	}
	return nil
}

// readImages reads as many test images as there are answers.
func (r *Run) readImages(all fs.FS) error {
	const header, size = 16, side * side
	content, err := fs.ReadFile(all, "digits/t10k-images-idx3-ubyte")
	if err != nil {
		return err
	}
	if n := len(r.OfImages); n != len(r.OfPictures) || len(content) < header+n*size {
		return fmt.Errorf("earlier: %d and %d answers for %d bytes of images, want as many of each, and their images",
			n, len(r.OfPictures), len(content))
	}
	for i := range r.OfImages {
		pixels := content[header+i*size:][:size]
		x := make([]float32, size)
		for k, v := range pixels {
			x[k] = float32(v) / 255
		}
		r.Images = append(r.Images, x)
		r.Pictures = append(r.Pictures, scan(pixels))
	}
	return nil
}

// scan draws an image in dark on white, 5×5 pixels for each pixel.
func scan(pixels []byte) image.Image {
	const scale = 5
	img := image.NewGray(image.Rect(0, 0, scale*side, scale*side))
	for y := range scale * side {
		for x := range scale * side {
			img.SetGray(x, y, color.Gray{255 - pixels[y/scale*side+x/scale]})
		}
	}
	return img
}
