#![no_main]

pushpull_fuzz::target!(chain);
