//! Enumerations that the specification numbers and names: packet types, properties, reason codes.

/// Declares one, with what it is called for people, the number's type, and the docs of what is derived from the list.
macro_rules! numbered {
    (
        $(#[$about:meta])*
        enum $type:ident;
        $(#[$from_about:meta])*
        fn $from:ident($number:ty);
        $(#[$text_about:meta])*
        fn $text_of:ident();
        $($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)+
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $type {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\nIn the specification's words: ", $text, ".")]
                $name = $value,
            )+
        }

        impl $type {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            $(#[$from_about])*
            pub const fn $from(value: $number) -> Option<Self> {
                match value {
                    $($value => Some(Self::$name),)+
                    _ => None,
                }
            }

            $(#[$text_about])*
            pub const fn $text_of(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

pub(crate) use numbered;
