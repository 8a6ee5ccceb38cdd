package runs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/tensor"
	"onestep/tensor/format"
)

// referenceSet writes a checkpoint as the reference's files.
type referenceSet struct {
	from   *tensor.SafeTensors // as SaveTrainer writes it
	params *nn.Params          // names and shapes, and the values of fixed buffers
	config pid.Config
	step   int
	steps  int // that were made: not skipped
}

// WriteReference writes the run's checkpoint, which Open found, as files that the reference repository loads and continues from, into a folder
// that is made if need be, and returns their paths. The network is declared on d, but not used: a dry device will do. A file that is there is
// replaced with force only.
func (r *Run) WriteReference(d *tensor.Device, c pid.Config, dir string, force bool) (paths []string, err error) {
	f, err := tensor.OpenSafeTensors(filepath.Join(r.Dir, StudentFile))
	if err != nil {
		return nil, err
	}
	uc, _, err := weights.StoredConfig(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := uc.CheckReference(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	net, err := nn.NewUNet(d, uc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	defer net.Release()
	s := &referenceSet{from: r.from, params: net.Params, config: c}
	if s.step, err = strconv.Atoi(r.from.Metadata[metaStep]); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", r.from.Path, metaStep, err)
	}
	if s.steps, err = strconv.Atoi(r.from.Metadata["opt_steps"]); err != nil {
		return nil, fmt.Errorf("%s: opt_steps: %w", r.from.Path, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	files := s.files(dir)
	for _, file := range files {
		if _, err := os.Lstat(file.path); err == nil && !force {
			return nil, fmt.Errorf("%s: exists; --force replaces it", file.path)
		}
	}
	for _, file := range files {
		v, err := file.value()
		if err == nil {
			err = format.WriteTorchTree(file.path, nil, v)
		}
		if err != nil {
			return paths, err
		}
		paths = append(paths, file.path)
	}
	return paths, nil
}

type referenceFile struct {
	path  string
	value func() (any, error)
}

// files lists the set in the reference's order: the model is last, and says that the others are whole.
func (s *referenceSet) files(dir string) (list []referenceFile) {
	for _, rate := range s.config.EMA {
		list = append(list, referenceFile{referenceEMA(dir, rate, s.step), func() (any, error) { return s.stateDict(pid.EMAKind(rate)) }})
	}
	if s.steps > 0 { // PyTorch's state is empty before
		list = append(list, referenceFile{referenceOpt(dir, s.step), s.optimizer})
	}
	return append(list, referenceFile{filepath.Join(dir, fmt.Sprintf("model%06d.pt", s.step)), func() (any, error) { return s.stateDict(pid.ParamKind) }})
}

// entry is a tensor of the format.
func (s *referenceSet) entry(name string) (tensor.Named, error) {
	e, ok := s.from.Entry(name)
	if !ok {
		return tensor.Named{}, fmt.Errorf("%s: %s: missing", s.from.Path, name)
	}
	return tensor.Named{Name: name, DType: e.DType, Shape: e.Shape, Data: e.Data}, nil
}

// stateDict is the network with one kind of values, and with its buffers: the reference demands them.
func (s *referenceSet) stateDict(kind string) (format.Ordered, error) {
	var dict format.Ordered
	for _, p := range s.params.List {
		if p.Buffer {
			dict = append(dict, format.Pair{Key: p.Name, Value: tensor.F32Tensor(p.Name, p.Get(), p.Shape...)})
			continue
		}
		a, err := s.entry(kind + p.Name)
		if err != nil {
			return nil, err
		}
		dict = append(dict, format.Pair{Key: p.Name, Value: a})
	}
	return dict, nil
}

// optimizer is PyTorch's state dict of RAdam or Adam.
func (s *referenceSet) optimizer() (any, error) {
	moments := s.moments
	if s.config.FP16 {
		moments = s.flatMoments
	}
	first, err := moments(pid.FirstKind)
	if err != nil {
		return nil, err
	}
	second, err := moments(pid.SecondKind)
	if err != nil {
		return nil, err
	}
	var state format.Dict
	var params format.List
	for i := range first {
		state = append(state, format.Pair{Key: i, Value: format.Dict{
			{Key: "step", Value: tensor.F32Tensor("step", []float32{float32(s.steps)})}, {Key: "exp_avg", Value: first[i]}, {Key: "exp_avg_sq", Value: second[i]},
		}})
		params = append(params, i)
	}
	rule := s.config.Rule().WithDefaults()
	group := format.Dict{
		{Key: "lr", Value: s.config.LR}, {Key: "betas", Value: format.Tuple{rule.Beta1, rule.Beta2}}, {Key: "eps", Value: rule.Eps},
		{Key: "weight_decay", Value: rule.WeightDecay}, {Key: "foreach", Value: nil}, {Key: "params", Value: params},
	}
	return format.Dict{{Key: "state", Value: state}, {Key: "param_groups", Value: format.List{group}}}, nil
}

// moments are those of every parameter.
func (s *referenceSet) moments(kind string) (list []tensor.Named, err error) {
	for _, p := range s.params.Trained() {
		a, err := s.entry(kind + p.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// flatMoments are those of a run in binary16, in two tensors.
func (s *referenceSet) flatMoments(kind string) ([]tensor.Named, error) {
	all, err := s.moments(kind)
	if err != nil {
		return nil, err
	}
	_, total := flatLayout(s.params.Trained())
	list := []tensor.Named{{Name: "vectors", DType: "F32", Shape: []int{total[0]}}, {Name: "matrices", DType: "F32", Shape: []int{1, total[1]}}}
	for _, a := range all {
		to := &list[min(len(a.Shape), 2)/2]
		to.Data = append(to.Data, a.Data...)
	}
	return list, nil
}
