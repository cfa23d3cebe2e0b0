variable "region" {
  description = "IBM Cloud region of the clusters."
  type        = string
  default     = "us-south"
}

variable "producer_cluster" {
  description = "Name or ID of the cluster that runs the app."
  type        = string
}

variable "producer_namespace" {
  description = "Namespace of the app."
  type        = string
  default     = "default"
}

variable "consumer_cluster" {
  description = "Name or ID of the cluster that uses the app. The private networks of the two must reach each other: by VRF or VLAN spanning on classic infrastructure, by routing or a Transit Gateway on VPC."
  type        = string
}

variable "consumer_namespace" {
  description = "Namespace in which the app is to have a name."
  type        = string
  default     = "default"
}
