package train

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/mpi"
)

// options are the flags.
type options struct {
	// What the model comes from: settings, which a recipe or a file may have too.
	model, from, data          string
	cut, unfreeze              string // of -from, as the next two
	unfreezeEpochs             int
	unfreezeLR                 float64
	height, width, channels    int
	pictureFit                 string
	limit                      int
	validation                 float64
	folds, fold                int
	normalise                  bool
	augment                    string
	epochs, batch              int
	optimizer, schedule        string
	lr, decay, clip            float64
	smoothing, mixup, cutmix   float64
	average                    float64
	adversarial                string
	eps, warmup, ramp, share   float64 // of -adversarial
	attack                     attackOptions
	teacherPath                string
	temperature, teacherShare  float64 // of -teacher
	noise                      float64
	gce, focal, labelNoise     float64
	balance                    string
	accumulate, patience, keep int
	lanes                      int
	seed                       uint64

	// What this call does.
	config, recipe, out string
	resume, json        bool
	until               int // epoch after which the run pauses
	checkpoint          time.Duration
	showSettings        bool // and nothing else
	skipDamaged         bool
	maxPixels           int
	findRate            bool
	calibrate           bool
	unknown             string // score, and share of held-out images, by which images of no class are told
	report              bool
	dashboard           string // address, "true" for any, "" for none
	timeout             time.Duration
	time                time.Duration // for the whole of the call; 0 for as long as it takes

	dataset  string   // its name, if it is one of pictures
	settings settings // as they are used
	changed  string   // those that are not their flags' defaults, as flags
}

// The groups of flags, as the help lists them.
const (
	mostUsed    = "What is used most"
	onPictures  = "Pictures"
	onSteps     = "Steps"
	onLosses    = "Losses and labels"
	onHeldOut   = "Images held out, and when to end"
	onFineTune  = "A new head on a trained model, with -from"
	onTeacher   = "Learning from another model"
	onDefence   = "Robustness"
	onRun       = "The run"
	onProcesses = "Several processes"
)

var groups = []string{mostUsed, onPictures, onSteps, onLosses, onHeldOut, onFineTune, onTeacher, onDefence, onRun, onProcesses}

// settingFlags are those that make the model what it is.
func (o *options) settingFlags(f *cli.FlagSet) {
	f.Group(mostUsed)
	f.StringVar(&o.data, "data", "mnist", dataset.Usage)
	f.StringVar(&o.model, "model", "cnn", "network; tapenet zoo lists them (for photographs the recipe of that name chooses)")
	f.StringVar(&o.from, "from", "", "begin with the network and the weights of this model, in place of -model: a run's folder or a file, .safetensors, .onnx, .keras, .h5, model.json; pictures are prepared as it says")
	f.IntVar(&o.epochs, "epochs", 10, "passes over the training set")
	f.Names("model", modelzoo.Names()...)
	f.Names("data", dataset.Names...)

	f.Group(onPictures)
	f.IntVar(&o.height, "height", 0, "scale pictures to this height (default the size of all, if it is one of at most 96; else up to 64)")
	f.IntVar(&o.width, "width", 0, "scale pictures to this width (default likewise; one of the two alone makes squares)")
	f.IntVar(&o.channels, "channels", 0, "1 for grey pictures, 3 for colour (default 1 if all training pictures are grey)")
	f.StringVar(&o.pictureFit, "fit", "", "how pictures get that size: crop takes the middle, pad puts black beside them, stretch deforms them (default crop)")
	f.OneOf("fit", raster.Crop, raster.Pad, raster.Stretch)
	f.BoolVar(&o.normalise, "normalise", false, "give the images mean 0 and deviation 1, as measured on the training set")
	f.StringVar(&o.augment, "augment", "none", "changes of the training images, as in shift=0.1,rotate=10 or none|noise=0.3,shot_noise=2: none, or with commas between them, one of some with bars, "+strings.Join(data.AugmentationNames(), ", ")+"; or a corruption as in tapenet robust -help. tapenet data -picture FILE.png -augment LIST shows them")
	f.IntVar(&o.limit, "limit", 0, "use only the first so many training and test samples (default all)")

	f.Group(onSteps)
	f.IntVar(&o.batch, "batch", 32, "samples per step")
	f.StringVar(&o.optimizer, "optimizer", "adam", strings.Join(train.OptimizerNames(), ", ")+"; sgd has momentum 0.9")
	f.OneOf("optimizer", train.OptimizerNames()...)
	f.Float64Var(&o.lr, "lr", 0, "learning rate (default 0.0001 for lion, 0.01 for sgd and adagrad, 0.001 for the others)")
	f.StringVar(&o.schedule, "schedule", "constant", "of the learning rate: "+train.ScheduleUsage()+"; the numbers may be left out")
	f.Names("schedule", scheduleNames()...)
	f.Float64Var(&o.decay, "decay", 0, "weight decay (default 0.01 for adamw, none for the others)")
	f.Float64Var(&o.clip, "clip", 0, "limit of the gradients' norm (default none)")
	f.IntVar(&o.accumulate, "accumulate", 1, "batches whose gradients make a step")
	f.Float64Var(&o.average, "average", 0, "decay of a moving average of the weights, as in 0.999 (default none)")

	f.Group(onLosses)
	f.Float64Var(&o.smoothing, "smoothing", 0, "label smoothing, as in 0.1 (default none)")
	f.Float64Var(&o.mixup, "mixup", 0, "mix each training image with another, in random shares; as in 0.2 (default not)")
	f.Float64Var(&o.cutmix, "cutmix", 0, "paste a rectangle of another training image into each, of random size; as in 1 (default not)")
	f.StringVar(&o.balance, "balance", "none", "where some classes have fewer training images than others: weights counts their images for more, sample has all classes equally often")
	f.OneOf("balance", "none", "weights", "sample")
	f.Float64Var(&o.focal, "focal", 0, "γ of the focal loss, for classes of which some have far fewer images, as in 2 (default the cross-entropy)")
	f.Float64Var(&o.gce, "gce", 0, "exponent of the generalized cross-entropy, for labels of which a part is wrong, as in 0.7 (default the cross-entropy)")
	f.Float64Var(&o.labelNoise, "label-noise", 0, "for experiments, replace the labels of this share of the training images, by the seed, each by another class (default none)")

	f.Group(onHeldOut)
	f.Float64Var(&o.validation, "val", 0, "evaluate on this share of the training set, held out by class, and on the test set at the end alone (default none)")
	f.IntVar(&o.folds, "folds", 0, "train so many times, each time with another part of the training set held out, and say how far the results are apart (default not)")
	f.IntVar(&o.fold, "fold", 0, "with -folds, hold out this part alone, from 1 (default one after another)")
	f.IntVar(&o.patience, "patience", 0, "end when the test loss (with -val the validation loss) has not fallen for so many epochs, with the best epoch's weights (default never)")

	f.Group(onFineTune)
	f.StringVar(&o.cut, "cut", "", "layer or ONNX value whose output are the features for a new head (default what the last Dense or convolution reads)")
	f.StringVar(&o.unfreeze, "unfreeze", "", "go on with what is in front of a new head too, when that is trained: all, or from the last so many convolutions and Dense layers on")
	f.Names("unfreeze", "all")
	f.IntVar(&o.unfreezeEpochs, "unfreeze-epochs", 10, "with -unfreeze, passes over the training set")
	f.Float64Var(&o.unfreezeLR, "unfreeze-lr", 0, "with -unfreeze, learning rate of the head; the first layers have a hundredth (default a tenth of -lr)")

	f.Group(onTeacher)
	f.StringVar(&o.teacherPath, "teacher", "", "learn from this model too, a run's folder or a file as with -from, of the same classes and images: knowledge distillation (default from the labels alone)")
	f.Float64Var(&o.temperature, "temperature", 0, "what both networks' logits are divided by (default 4)")
	f.Float64Var(&o.teacherShare, "teacher-share", 0, "share of the teacher in the loss; the labels have the rest (default 0.9)")

	f.Group(onDefence)
	f.StringVar(&o.adversarial, "adversarial", "none", "make the network robust against changes of its input: "+strings.Join(defenceNames(), ", "))
	f.OneOf("adversarial", defenceNames()...)
	f.Float64Var(&o.eps, "eps", 0.3, "with -adversarial, how far each pixel of 0..1 may be changed")
	o.attack.flags(f)
	f.Float64Var(&o.ramp, "ramp", 0, "with -adversarial, epochs in which -eps is reached (default with ibp a third of all, else none)")
	f.Float64Var(&o.warmup, "warmup", 0, "with ibp, epochs of training as without (default none)")
	f.Float64Var(&o.share, "share", 0, "with ibp, share of the loss of bounds at the end (default 0.5)")
	f.Float64Var(&o.noise, "noise", 0, "add Gaussian noise of this deviation to the training images, as in 0.25, for randomized smoothing (default none)")

	f.Group(onRun)
	f.Uint64Var(&o.seed, "seed", 1, "of initial weights, shuffling, dropout, augmentation, label noise and what -val holds out")
	f.IntVar(&o.keep, "keep", 0, "keep the checkpoints of the last so many epochs")

	f.Group(onProcesses)
	f.IntVar(&o.lanes, "lanes", 0, "parts of each batch, with statistics of their own: equal numbers make equal weights on any number of processes (default 1, under mpirun 8 or more)")
}

// callFlags are the others.
func (o *options) callFlags(f *cli.FlagSet) {
	f.Group(mostUsed)
	f.DurationVar(&o.time, "time", 0, "choose the epochs, and for photographs the size, so that all is done in this time, as in 10m (default what the recipe says)")
	f.StringVar(&o.out, "out", "", "folder for the run (default runs/<model>, for photographs runs/<data>)")
	f.BoolVar(&o.resume, "resume", false, "go on from the folder's checkpoint")
	f.StringVar(&o.recipe, "recipe", "", "recipe to train by, as in fast99: its network and its settings (default the network's own)")
	f.Names("recipe", recipeNames()...)

	f.Group(onPictures)
	f.BoolVar(&o.skipDamaged, "skip-damaged", false, "go on without pictures that cannot be read, and list them")
	cli.MaxPixels(f, &o.maxPixels)

	f.Group(onSteps)
	f.BoolVar(&o.findRate, "find-lr", false, "train for a hundred steps with rising learning rates, in memory, say which is a good one, and draw the losses beside the run's folder")

	f.Group(onHeldOut)
	f.BoolVar(&o.calibrate, "calibrate", false, "at the end, fit the temperature of the model's probabilities on what -val holds out")
	f.StringVar(&o.unknown, "unknown", "", "-calibrate, and have the model say \"none of these\" where a score is below what 95 % of the held-out images reach: "+
		strings.Join(weights.Scores(), ", ")+"; energy:0.99 is for 99 %")
	f.Names("unknown", weights.Scores()...)

	f.Group(onRun)
	f.StringVar(&o.config, "config", "", "TOML file of settings by their flags' names, such as a run's config.toml")
	f.BoolVar(&o.showSettings, "settings", false, "print the settings that the run would have, as its config.toml, and do nothing")
	f.BoolFunc("dashboard", "serve the run's report while training, at any free port or at -dashboard=HOST:PORT", o.setDashboard)
	f.BoolVar(&o.report, "report", true, "write a report of the run at its end, an HTML file in its folder")
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each epoch")
	f.DurationVar(&o.checkpoint, "checkpoint", time.Minute, "write a checkpoint so often inside an epoch too, for -resume after a kill; 0 is after epochs alone")
	f.IntVar(&o.until, "until", 0, "pause after this epoch; -resume goes on to what a run without a pause comes to (default never)")

	f.Group(onProcesses)
	f.DurationVar(&o.timeout, "timeout", mpi.DefaultTimeout, "under mpirun, the longest wait for another process")
}

// scheduleNames are the names that -schedule begins with.
func scheduleNames() (names []string) {
	for text := range strings.SplitSeq(train.ScheduleUsage(), ", ") {
		name, _, _ := strings.Cut(text, ":")
		names = append(names, name)
	}
	return names
}

// setDashboard is the flag: "true" is what it is without a value.
func (o *options) setDashboard(address string) error {
	if o.dashboard = address; address == "false" {
		o.dashboard = ""
	}
	return nil
}

// parse returns the options: a setting is as its flag says, otherwise as the
// file that -config names, otherwise as the recipe, which is that of -recipe or
// the model's own, otherwise the flag's default.
func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	f := cli.Flags("train", "[flags]", "Trains a network and leaves its model in a folder. What no flag says, the model's recipe may.", stdout)
	for _, title := range groups {
		f.Group(title)
	}
	o.settingFlags(f)
	known := valuesOf(f.VisitAll)
	o.callFlags(f)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := f.NoArguments(); err != nil {
		return o, err
	}
	if err := o.complete(f, known); err != nil {
		return o, err
	}
	for _, name := range known.names() {
		fl := f.Lookup(name)
		known[name] = fl.Value.(flag.Getter).Get()
		if v := fl.Value.String(); v != fl.DefValue && v != "" { // as -model with -from
			o.changed += " -" + name + " " + fl.Value.String()
		}
	}
	o.settings = known
	if o.out == "" {
		o.out = o.nameRun(cmp.Or(o.model, open.Model{Path: o.from}.Title()))
	}
	return o, o.check()
}

// complete sets the settings that the arguments do not.
func (o *options) complete(f *cli.FlagSet, known settings) error {
	given := valuesOf(f.Visit)
	if given["from"] != nil && given["model"] != nil {
		return cli.Usagef("train: got both -from and -model, want one of them")
	}
	file, err := readConfig(o.config)
	if err != nil {
		return err
	}
	maps.DeleteFunc(file, func(name string, _ any) bool { return given[name] != nil })
	if err := file.set(f, known, o.config); err != nil {
		return err
	}
	if o.from != "" {
		o.model = ""
	}
	set, found := o.look()
	o.dataset = set.Name
	if o.from == "" && (o.cut != "" || o.unfreeze != "") {
		return cli.Usagef("train: -cut or -unfreeze without -from, want the model to begin with")
	}
	if o.from != "" && o.recipe == "" && o.fineTunes(set) {
		o.recipe = fineTuned
	}
	if found && set.Photographs && o.recipe == "" && o.from == "" && given["model"] == nil && file["model"] == nil {
		o.recipe = photographs
	}
	recipe, from, err := o.useRecipe()
	if err != nil {
		return err
	}
	if found {
		n := set.Train.Len()
		if o.limit > 0 {
			n = min(n, o.limit)
		}
		recipe = recipe.forSamples(n)
	}
	if chosen := given["optimizer"] != nil || file["optimizer"] != nil; chosen && o.optimizer != recipe["optimizer"] {
		delete(recipe, "lr") // its numbers are of no use to another
		delete(recipe, "decay")
	}
	o.dropOtherLosses(recipe, set.Sets != nil)
	if given["adversarial"] != nil || file["adversarial"] != nil {
		o.dropUnread(recipe)
	}
	maps.DeleteFunc(recipe, func(name string, _ any) bool { return file[name] != nil || given[name] != nil })
	if err := recipe.set(f, known, "recipe "+from); err != nil {
		return err
	}
	if err := o.checkTime(given["epochs"] != nil || file["epochs"] != nil, given["schedule"] != nil || file["schedule"] != nil); err != nil {
		return err
	}
	if err := o.checkDefence(f, given); err != nil {
		return err
	}
	if given["decay"] == 0.0 && o.optimizer == "adamw" {
		return cli.Usagef("train: -decay 0 is adamw's default of 0.01, want -optimizer adam for none")
	}
	return nil
}

// losses are the flags that ask for another loss than the plain cross-entropy.
func (o options) losses() (given []string) {
	for _, l := range []struct {
		name  string
		value float64
	}{{"smoothing", o.smoothing}, {"gce", o.gce}, {"focal", o.focal}} {
		if l.value != 0 {
			given = append(given, fmt.Sprintf("-%s %g", l.name, l.value))
		}
	}
	return given
}

// dropOtherLosses leaves a recipe's loss out if another one is chosen, or the only one for
// images of several classes.
func (o options) dropOtherLosses(recipe settings, several bool) {
	if several || len(o.losses()) > 0 {
		for _, name := range []string{"smoothing", "gce", "focal"} {
			delete(recipe, name)
		}
	}
}

// useRecipe returns the recipe to use, and its name.
func (o *options) useRecipe() (recipe settings, name string, err error) {
	if o.recipe != "" {
		recipe, err = recipeNamed(o.recipe)
		if o.from != "" { // is the network
			delete(recipe, "model")
		}
		return recipe, o.recipe, err
	}
	if o.from != "" { // a recipe is for training from nothing
		return settings{}, "", nil
	}
	recipe, err = recipeOf(o.model)
	return recipe, o.model, err
}

func (o options) check() error {
	switch {
	case o.epochs < 1:
		return cli.Usagef("train: -epochs %d, want 1 or more", o.epochs)
	case o.batch < 1:
		return cli.Usagef("train: -batch %d, want 1 or more", o.batch)
	case o.limit < 0:
		return cli.Usagef("train: -limit %d, want a number of samples, or 0 for all", o.limit)
	case o.folds < 0 || o.folds == 1 || o.fold < 0 || o.fold > o.folds:
		return cli.Usagef("train: -folds %d and -fold %d, want 2 folds or more, and one of them or 0 for all", o.folds, o.fold)
	case o.checkpoint < 0:
		return cli.Usagef("train: -checkpoint %v, want a time, or 0 for none inside an epoch", o.checkpoint)
	case o.until < 0:
		return cli.Usagef("train: -until %d, want an epoch, or 0 for never", o.until)
	case o.time > 0 && (o.until > 0 || o.showSettings):
		return cli.Usagef("train: -time %v with -until or -settings, want it alone: what it chooses is known when steps are measured", o.time)
	case o.folds > 0 && o.validation > 0:
		return cli.Usagef("train: -folds %d with -val %g, want one of them", o.folds, o.validation)
	case o.unfreezeEpochs < 1:
		return cli.Usagef("train: -unfreeze-epochs %d, want 1 or more", o.unfreezeEpochs)
	case o.lanes < 0:
		return cli.Usagef("train: -lanes %d, want a number of parts, or 0 for the default", o.lanes)
	case o.timeout <= 0:
		return cli.Usagef("train: -timeout %v, want a time above 0", o.timeout)
	case o.accumulate < 1:
		return cli.Usagef("train: -accumulate %d, want 1 or more", o.accumulate)
	case !(o.gce >= 0 && o.gce <= 1):
		return cli.Usagef("train: -gce %g, want an exponent above 0 and at most 1, or 0 for the cross-entropy", o.gce)
	case !(o.focal >= 0 && o.focal <= 100):
		return cli.Usagef("train: -focal %g, want γ above 0 and at most 100, or 0 for the cross-entropy", o.focal)
	case len(o.losses()) > 1:
		return cli.Usagef("train: %s, want one of them", strings.Join(o.losses(), " with "))
	case o.teacherPath != "" && (o.gce > 0 || o.focal > 0 || o.adversarial != "none"):
		return cli.Usagef("train: -teacher with -gce, -focal or -adversarial, want one of them")
	case o.teacherPath == "" && (o.temperature != 0 || o.teacherShare != 0):
		return cli.Usagef("train: -temperature or -teacher-share without -teacher, want the model to learn from")
	case !(o.temperature >= 0 && o.temperature <= 1000) || !(o.teacherShare >= 0 && o.teacherShare <= 1):
		return cli.Usagef("train: -temperature %g and -teacher-share %g, want up to 1000 and up to 1, or 0 for the defaults", o.temperature, o.teacherShare)
	case o.patience < 0 || o.keep < 0:
		return cli.Usagef("train: -patience %d and -keep %d, want numbers of epochs, or 0", o.patience, o.keep)
	}
	if _, err := o.calibration(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value float64
		share bool
	}{
		{"lr", o.lr, false}, {"unfreeze-lr", o.unfreezeLR, false}, {"decay", o.decay, false}, {"clip", o.clip, false}, {"mixup", o.mixup, false}, {"cutmix", o.cutmix, false},
		{"warmup", o.warmup, false}, {"ramp", o.ramp, false}, {"share", o.share, false}, {"attack-step", o.attack.size, false}, {"beta", o.attack.beta, false}, {"collapse", o.attack.collapse, true}, {"noise", o.noise, false},
		{"smoothing", o.smoothing, true}, {"average", o.average, true}, {"val", o.validation, true},
		{"label-noise", o.labelNoise, true},
	} {
		switch {
		case f.share && !(f.value >= 0 && f.value < 1):
			return cli.Usagef("train: -%s %g, want at least 0 and below 1", f.name, f.value)
		case !(f.value >= 0) || math.IsInf(f.value, 0):
			return cli.Usagef("train: -%s %g, want a positive number, or 0 for the default", f.name, f.value)
		}
	}
	return nil
}

// fit returns what the options mean for train.Fit, and the augmentation. Their
// errors are those of the command line.
func (o options) fit() (origin, train.Config, []data.Augmentation, error) {
	c := train.Config{
		Epochs: o.epochs, Batch: o.batch, Seed: o.seed,
		LabelSmoothing: o.smoothing, GeneralizedCrossEntropy: o.gce, Focal: o.focal, Mixup: o.mixup, CutMix: o.cutmix, ClipNorm: o.clip, Accumulate: o.accumulate, Average: o.average, Lanes: o.lanes,
		Patience: o.patience, KeepCheckpoints: o.keep, Dir: o.out, Model: o.model, Resume: o.resume, Until: o.until, CheckpointEvery: o.checkpoint,
	}
	from, err := o.origin()
	if err != nil {
		return from, c, nil, err
	}
	c.From, c.Model = from.tensors, from.name
	c.Optimizer, err = train.NewOptimizer(o.optimizer, o.lr, o.decay)
	if err == nil {
		if c.Schedule, err = train.ParseSchedule(o.schedule); err != nil {
			name, _, _ := strings.Cut(o.schedule, ":")
			err = fmt.Errorf("%w%s", err, cli.Meant(name, scheduleNames()))
		}
	}
	var steps []data.Augmentation
	if err == nil {
		steps, err = dataset.Augmentations(o.augment)
	}
	if err == nil {
		c.Defence, err = o.defence()
	}
	if err != nil {
		return from, c, nil, cli.Usagef("%v", err)
	}
	if o.noise > 0 {
		steps = append(steps, data.Gaussian{Deviation: o.noise}) // the last: nothing limits it
	}
	return from, c, steps, nil
}
