package wordpiece

import "strings"

// tidy are the replacements of Hugging Face's WordPiece decoder with cleanup, in its order. Each piece is tidied by itself,
// with the space before it.
var tidy = [][2]string{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"},
	{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}

// Join makes text of pieces, as convert_tokens_to_string does: a piece that goes on with a word is put to it, others come
// after a space, unless they are punctuation that follows a word. The spaces of the original text are not known any more.
func Join(pieces []string) string {
	var text strings.Builder
	for i, piece := range pieces {
		if rest, ok := strings.CutPrefix(piece, Prefix); ok && i > 0 {
			piece = rest
		} else if i > 0 {
			piece = " " + piece
		}
		for _, r := range tidy {
			piece = strings.ReplaceAll(piece, r[0], r[1])
		}
		text.WriteString(piece)
	}
	return text.String()
}
