provider "../../etc" {
 version = ".."
}
