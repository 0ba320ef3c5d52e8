provider "a/b/c" {
 version = "1"
