package train

import "errors"

// errBusy is lock's error where another run has the folder.
var errBusy = errors.New("a run is going on")
