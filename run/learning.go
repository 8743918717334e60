package run

import "bnas.example/supernet"

// learning says in words which parameters a training changes: in a sentence, and after "training".
var learning = map[supernet.TrainSet]struct{ sentence, parameters string }{
	supernet.LastBN:             {"Convolutions stay as they were at the start; only γ and β of the last BatchNorm of each operator learn.", "γ and β of the last BatchNorms"},
	supernet.AllBN:              {"Convolutions stay as they were at the start; only γ and β of BatchNorm learn.", "γ and β"},
	supernet.AllBNAndClassifier: {"Convolutions stay as they were at the start; γ and β of BatchNorm and the classifier learn.", "γ, β and the classifier"},
	supernet.All:                {"All weights learn: convolutions, BatchNorm and the classifier.", "all weights"},
}
