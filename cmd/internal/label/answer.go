package label

import (
	"image"
	"net/http"
	"strconv"
	"strings"
)

// stateAnswer is all that the page shows.
type stateAnswer struct {
	Folder   string        `json:"folder"`
	Model    string        `json:"model"`  // "" for none
	Failed   string        `json:"failed"` // why there are no guesses, "" if there are
	Training status        `json:"training"`
	Said     string        `json:"said,omitempty"`    // what a request has done
	Picture  *pictureShown `json:"picture,omitempty"` // that it has moved
	listing
}

// answer is the state around a listing with a model's guesses.
func (s *server) answer(m *model, l listing) stateAnswer {
	a := stateAnswer{Folder: s.title, Training: s.training.now(), listing: l}
	if m != nil {
		a.Model = m.name
	}
	if text := s.guesses.failed.Load(); text != nil {
		a.Failed = *text
	}
	return a
}

// none is a revision that no folder has had.
const none = ^uint64(0)

// state answers with everything, the pictures too unless they are of the revision that
// the client has.
func (s *server) state(r *http.Request) (any, error) {
	if err := s.folder.scan(); err != nil {
		return nil, err
	}
	s.guesses.look()
	since, err := strconv.ParseUint(r.FormValue("revision"), 10, 64)
	if err != nil {
		since = none
	}
	m := s.guesses.model.Load()
	return s.answer(m, s.folder.list(m, since)), nil
}

// after is the answer to a request that has changed one picture: without the others.
func (s *server) after(p *picture, said string) stateAnswer {
	m := s.guesses.model.Load()
	l, shown := s.folder.after(m, p)
	a := s.answer(m, l)
	a.Said, a.Picture = said, shown
	return a
}

// move moves a picture to a class.
func (s *server) move(r *http.Request) (any, error) {
	var to struct{ ID, Class string }
	if err := readJSON(r, &to); err != nil {
		return nil, err
	}
	if err := s.training.checkMovable(); err != nil {
		return nil, err
	}
	p, err := s.folder.move(to.ID, to.Class)
	if err != nil {
		return nil, err
	}
	return s.after(p, ""), nil
}

// remove puts a picture aside.
func (s *server) remove(r *http.Request) (any, error) {
	var of struct{ ID string }
	if err := readJSON(r, &of); err != nil {
		return nil, err
	}
	if err := s.training.checkMovable(); err != nil {
		return nil, err
	}
	if err := s.folder.remove(of.ID); err != nil {
		return nil, err
	}
	return s.after(nil, ""), nil
}

// undo takes the last change back.
func (s *server) undo(*http.Request) (any, error) {
	if err := s.training.checkMovable(); err != nil {
		return nil, err
	}
	p, said, err := s.folder.undo()
	if err == nil && p == nil {
		err = s.folder.scan()
		s.guesses.look()
	}
	if err != nil {
		return nil, err
	}
	return s.after(p, said), nil
}

// class makes a new class.
func (s *server) class(r *http.Request) (any, error) {
	var of struct{ Name string }
	if err := readJSON(r, &of); err != nil {
		return nil, err
	}
	if err := s.folder.newClass(of.Name); err != nil {
		return nil, err
	}
	return s.after(nil, ""), nil
}

// add takes a picture into a class.
func (s *server) add(r *http.Request) (any, error) {
	name, class := r.URL.Query().Get("name"), r.URL.Query().Get("class")
	err := s.upload(r, func(file []byte) error {
		kind := ""
		err := s.open(r, file, func(of string, _ image.Image) error { kind = of; return nil })
		if err != nil {
			return err
		}
		return s.folder.add(file, fileName(name, kind), class)
	})
	if err != nil {
		return nil, err
	}
	s.guesses.look()
	return s.after(nil, ""), nil
}

// open unpacks the picture of a request.
func (s *server) open(r *http.Request, file []byte, use func(kind string, img image.Image) error) error {
	unpacked := false
	err := s.gate.open(r.Context(), func() ([]byte, error) { return file, nil }, func(kind string, img image.Image) error {
		unpacked = true
		return use(kind, img)
	})
	if err != nil && !unpacked && r.Context().Err() == nil {
		return failedWith(http.StatusUnsupportedMediaType, "%s", sentence(err))
	}
	return err
}

// guessAnswer is what the model makes of a picture.
type guessAnswer struct {
	Class         string    `json:"class"`
	Classes       []string  `json:"classes"`
	Probabilities []float32 `json:"probabilities"`
	Unknown       bool      `json:"unknown"` // it is none of the classes
}

// guess says what the model makes of a picture.
func (s *server) guess(r *http.Request) (any, error) {
	m := s.guesses.model.Load()
	if m == nil {
		return nil, conflict("there is no model yet, want a training first, or -model")
	}
	var pixels []float32
	err := s.upload(r, func(file []byte) error {
		return s.open(r, file, func(_ string, img image.Image) (err error) {
			pixels, err = m.predictor.Pixels(img)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	predictions, err := m.predictor.Predict([][]float32{pixels})
	if err != nil {
		return nil, err
	}
	p := predictions[0]
	return guessAnswer{p.Label, m.predictor.Classes, p.Probabilities, p.Unknown}, nil
}

// train begins a training.
func (s *server) train(*http.Request) (any, error) {
	if err := s.folder.scan(); err != nil {
		return nil, err
	}
	if n := s.folder.filled(); n < 2 {
		return nil, conflict("pictures in %d classes, want them in two or more for a training", n)
	}
	if err := s.training.start(); err != nil {
		return nil, err
	}
	return s.after(nil, ""), nil
}

// stop stops it.
func (s *server) stop(*http.Request) (any, error) {
	if s.training.stop() == "" {
		return nil, conflict("no training is going on")
	}
	return s.after(nil, ""), nil
}

// picture answers with a picture of the folder as a JPEG that is made of it: nothing is
// sent that is not a picture.
func (s *server) picture(w http.ResponseWriter, r *http.Request) {
	p, err := s.folder.find(r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	var b []byte
	switch size := r.PathValue("size"); size {
	case "small":
		if b = s.folder.smallOf(p); b == nil {
			if b, err = s.scaled(r, p, smallSide); err == nil {
				s.folder.keep(p, b)
			}
		}
	case "large":
		b, err = s.scaled(r, p, largeSide)
	default:
		err = notFound("a picture in size %q, want small or large", size)
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=86400, immutable") // another content has another id
	w.Write(b)
}

// scaled is a picture of the folder in another size.
func (s *server) scaled(r *http.Request, p *picture, most int) (b []byte, err error) {
	unpacked := false
	err = s.gate.open(r.Context(), func() ([]byte, error) { return s.folder.read(p) }, func(_ string, img image.Image) (err error) {
		unpacked = true
		b, err = scaled(img, most)
		return err
	})
	if err != nil && !unpacked && r.Context().Err() == nil {
		s.folder.mark(p, err)
		err = failedWith(http.StatusUnsupportedMediaType, "%s", strings.TrimSpace(sentence(err)))
	}
	return b, err
}
